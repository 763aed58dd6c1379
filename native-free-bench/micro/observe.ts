// What a worker and the log do for each request that is counted or told: a histogram's bucket, the date of a log line.
import { BUCKET_BOUNDS_US, bucketOf } from '../../dist/observe/histogram.js';
import { CTIME_FORMAT, compileDate } from '../../dist/observe/strftime.js';
import { candidate, type Suite } from './suite.js';

const DURATIONS_US = Array.from({ length: 64 }, (_, turn) => Math.floor(1.3 ** turn));

function plainBucket(us: number): number {
  const index = BUCKET_BOUNDS_US.findIndex((bound) => us <= bound);
  return index < 0 ? BUCKET_BOUNDS_US.length : index;
}

export const bucketSuite: Suite = {
  name: 'bucket of a histogram',
  turns: DURATIONS_US.length,
  candidates: [
    candidate('findIndex', (turn) => plainBucket(DURATIONS_US[turn] as number)),
    candidate('bucketOf', (turn) => bucketOf(DURATIONS_US[turn] as number)),
  ],
};

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** As log lines come: several in one second. */
const MOMENTS = Array.from({ length: 64 }, (_, turn) => 1_760_000_000_000 + turn * 250);
const ctime = compileDate(CTIME_FORMAT);

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function plainDate(ms: number): string {
  const date = new Date(ms);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = String(date.getDate()).padStart(2);
  return `${WEEKDAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${time} ${date.getFullYear()}`;
}

export const dateSuite: Suite = {
  name: 'date of a log line',
  turns: MOMENTS.length,
  candidates: [
    candidate('the fields of a Date', (turn) => plainDate(MOMENTS[turn] as number)),
    candidate('compileDate', (turn) => ctime(MOMENTS[turn] as number)),
  ],
};
