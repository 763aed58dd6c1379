// Dates in the formats of C's strftime(3), in the C locale and local time. A format is compiled once; a second's text is kept
// until the next.

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];
const DAY_MS = 86_400_000;

/** ctime(3) without its line end. */
export const CTIME_FORMAT = '%a %b %e %H:%M:%S %Y';
/** What uWSGI calls ltime: Apache's. */
export const LTIME_FORMAT = '%d/%b/%Y:%H:%M:%S %z';

/** Writes a time, in milliseconds since 1970. Conversions that strftime(3) does not know stay as they are. */
export function compileDate(format: string): (ms: number) => string {
  let second = Number.NaN;
  let text = '';
  return (ms) => {
    const now = Math.floor(ms / 1000);
    if (now !== second) {
      text = formatDate(format, new Date(now * 1000));
      second = now;
    }
    return text;
  };
}

function formatDate(format: string, date: Date): string {
  // E and O ask for a locale's other numerals: the C locale has none.
  return format.replace(/%[EO]?([a-zA-Z%])/g, (whole, letter: string) => CONVERSIONS[letter]?.(date) ?? whole);
}

const two = (n: number) => String(n).padStart(2, '0');
const space = (n: number) => String(n).padStart(2, ' ');
const hour12 = (date: Date) => date.getHours() % 12 || 12;
const upper = (date: Date) => (date.getHours() < 12 ? 'AM' : 'PM');
const composed = (format: string) => (date: Date) => formatDate(format, date);

const CONVERSIONS: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => (DAYS[date.getDay()] as string).slice(0, 3),
  A: (date) => DAYS[date.getDay()] as string,
  b: (date) => (MONTHS[date.getMonth()] as string).slice(0, 3),
  B: (date) => MONTHS[date.getMonth()] as string,
  c: composed(CTIME_FORMAT),
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  d: (date) => two(date.getDate()),
  D: composed('%m/%d/%y'),
  e: (date) => space(date.getDate()),
  F: composed('%Y-%m-%d'),
  g: (date) => two(isoWeek(date).year % 100),
  G: (date) => String(isoWeek(date).year),
  h: composed('%b'),
  H: (date) => two(date.getHours()),
  I: (date) => two(hour12(date)),
  j: (date) => String(dayOfYear(date) + 1).padStart(3, '0'),
  k: (date) => space(date.getHours()),
  l: (date) => space(hour12(date)),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  n: () => '\n',
  p: upper,
  P: (date) => upper(date).toLowerCase(),
  r: composed('%I:%M:%S %p'),
  R: composed('%H:%M'),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => two(date.getSeconds()),
  t: () => '\t',
  T: composed('%H:%M:%S'),
  u: (date) => String(date.getDay() || 7),
  U: (date) => two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  V: (date) => two(isoWeek(date).week),
  w: (date) => String(date.getDay()),
  W: (date) => two(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  x: composed('%m/%d/%y'),
  X: composed('%H:%M:%S'),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  z: zone,
  Z: zoneName,
  '%': () => '%',
};

/** `+0130` */
function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const distance = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(distance / 60))}${two(distance % 60)}`;
}

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';
}

/** From 0. Of the calendar, so that summer time changes nothing. */
function dayOfYear(date: Date): number {
  return (utcDay(date) - Date.UTC(date.getFullYear(), 0, 1)) / DAY_MS;
}

function utcDay(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
}

/** ISO 8601: weeks begin on Monday, and belong to the year that has their Thursday. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(utcDay(date) + (3 - ((date.getDay() + 6) % 7)) * DAY_MS);
  const year = thursday.getUTCFullYear();
  return { year, week: 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7) };
}
