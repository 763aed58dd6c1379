// The maths form of a placeholder: `%(a + 3)`. Words are joined or combined strictly from left to right, in 64 bits.

/** Either `value` or `problem` is there. */
export type MathsResult =
  | { readonly value: string; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

const OPERATORS: Readonly<Record<string, (left: bigint, right: bigint) => bigint>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
};

/**
 * Evaluates the words of `text`: a number is itself, another word is the value of that key, empty if there is none. Words
 * without an operator between them are joined as text, as in uWSGI. Where uWSGI would take a wrong number for 0 it is a
 * problem.
 */
export function evaluateMaths(text: string, lookup: (key: string) => string | undefined): MathsResult {
  let current = '';
  let pending: string | undefined;
  for (const word of text.split(' ').filter((each) => each !== '')) {
    if (word === '++' || word === '--') {
      const stepped = compute(current, word === '++' ? '+' : '-', '1');
      if (stepped.problem !== undefined) return stepped;
      current = stepped.value;
    } else if (Object.hasOwn(OPERATORS, word)) {
      pending = word;
    } else {
      const value = /^\d+$/.test(word) ? word : (lookup(word) ?? '');
      const next: MathsResult = pending === undefined ? { value: current + value } : compute(current, pending, value);
      if (next.problem !== undefined) return next;
      current = next.value;
      pending = undefined;
    }
  }
  return { value: current };
}

function compute(left: string, operator: string, right: string): MathsResult {
  const wrong = [left, right].find((text) => !/^-?\d{1,30}$/.test(text));
  if (wrong !== undefined) return { problem: `a whole number is wanted on each side of ${operator}, got "${wrong}"` };
  if (operator === '/' && BigInt(right) === 0n) return { problem: 'division by zero' };
  const result = OPERATORS[operator]?.(BigInt(left), BigInt(right)) ?? 0n;
  return { value: String(BigInt.asIntN(64, result)) };
}
