// Dates as HTTP writes and reads them (RFC 9110 section 5.6.7).

let cachedSecond = -1;
let cachedDate = '';

/** Now, for a Date header: made once a second. */
export function httpDateNow(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedDate = httpDate(now);
  }
  return cachedDate;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT`. `ms`: milliseconds since 1970. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const TIME = '\\d{2}:\\d{2}:\\d{2}';
/** IMF-fixdate, and of the obsolete forms that of RFC 850. */
const WITH_ZONE = new RegExp(
  `^(?:${DAY}, \\d{2} ${MONTH} \\d{4}|[A-Z][a-z]{5,8}, \\d{2}-${MONTH}-\\d{2}) ${TIME} GMT$`,
);
/** The obsolete form of C's asctime. */
const ASCTIME = new RegExp(`^${DAY} ${MONTH} [ \\d]\\d ${TIME} \\d{4}$`);

/** Milliseconds since 1970, or NaN for what is no date. */
export function parseHttpDate(text: string): number {
  if (WITH_ZONE.test(text)) return Date.parse(text);
  return ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
