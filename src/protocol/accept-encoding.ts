// Accept-Encoding (RFC 9110 section 12.5.3): which of the codings at hand a client wants.

const QVALUE = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * The best of `offered`, which are in the server's order of preference, or `identity` where the client wants none of them
 * more. What is not acceptable at all is served as it is.
 */
export function chooseCoding<Coding extends string>(
  header: string | undefined,
  offered: readonly Coding[],
): Coding | 'identity' {
  if (header === undefined) return 'identity';
  const weights = parseWeights(header);
  const any = weights.get('*');
  const weightOf = (coding: string, alias = coding) => weights.get(coding) ?? weights.get(alias) ?? any ?? 0;
  // Unless it is named, identity is acceptable, and less welcome than whatever is.
  let best: Coding | 'identity' = 'identity';
  let bestWeight = weights.get('identity') ?? 0;
  for (const coding of offered) {
    const weight = weightOf(coding, `x-${coding}`);
    if (weight > bestWeight || (weight === bestWeight && weight > 0 && best === 'identity')) {
      best = coding;
      bestWeight = weight;
    }
  }
  return best;
}

function parseWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of header.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim());
    if (coding === '') continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    weights.set(coding, q === undefined ? 1 : QVALUE.test(q) ? Number(q) : 0);
  }
  return weights;
}
