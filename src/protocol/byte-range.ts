// The Range header (RFC 9110 section 14.2), as far as it is followed: one range of bytes. A request for several gets the
// whole, which that section leaves to the server: it protects from overlapping ranges, and needs no multipart body.

export interface ByteRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** What `parseRange` answers when there is no range to send. */
export const RANGE = {
  /** Nothing that is followed: send the whole. */
  WHOLE: 'whole',
  /** Beyond the end: 416. */
  UNSATISFIABLE: 'unsatisfiable',
} as const;

const ONE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/** The range of a body of `length` bytes that the header's value asks for. */
export function parseRange(value: string, length: number): ByteRange | typeof RANGE.WHOLE | typeof RANGE.UNSATISFIABLE {
  const [match, first = '', last = ''] = ONE_RANGE.exec(value) ?? [];
  if (match === undefined || (first === '' && last === '')) return RANGE.WHOLE;
  if (first === '') {
    const suffix = Number(last);
    if (suffix === 0 || length === 0) return RANGE.UNSATISFIABLE;
    return { from: Math.max(0, length - suffix), to: length };
  }
  const from = Number(first);
  if (last !== '' && Number(last) < from) return RANGE.WHOLE;
  if (from >= length) return RANGE.UNSATISFIABLE;
  return { from, to: last === '' ? length : Math.min(length, Number(last) + 1) };
}
