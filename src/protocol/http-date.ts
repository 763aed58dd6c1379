// Dates as HTTP writes and reads them (RFC 9110 section 5.6.7).

let cachedSecond = -1;
let cachedDate = '';

/** Now, for a Date header: made once a second. */
export function httpDateNow(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedDate = new Date(now).toUTCString();
  }
  return cachedDate;
}
