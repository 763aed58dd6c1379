// The request log line in uWSGI's default format.

/** What a line tells; sizes in bytes, times in milliseconds. Texts are the client's: controls in them are escaped here. */
export interface RequestRecord {
  pid: number;
  requestOfWorker: number;
  requestOfServer: number;
  address: string;
  user: string;
  varCount: number;
  varsBytes: number;
  method: string;
  uri: string;
  bodyBytes: number;
  elapsedMs: number;
  protocol: string;
  status: number;
  headerCount: number;
  headBytes: number;
  core: number;
  /** The application's number; -1 where no worker had the request, as in uWSGI. */
  app: number;
  /** How often the request was taken up. */
  switches: number;
}

/** A record with nothing in it: of a request that no worker had. */
export function newRecord(varsBytes: number): RequestRecord {
  return {
    pid: 0,
    requestOfWorker: -1,
    requestOfServer: 0,
    address: '',
    user: '',
    varCount: 0,
    varsBytes,
    method: '',
    uri: '',
    bodyBytes: 0,
    elapsedMs: 0,
    protocol: '',
    status: 0,
    headerCount: 0,
    headBytes: 0,
    core: 0,
    app: -1,
    switches: 0,
  };
}

/** Takes a var of the request into its record. */
export function noteVar(record: RequestRecord, key: string, value: string): void {
  record.varCount++;
  if (key === 'REMOTE_ADDR') record.address = value;
  else if (key === 'REMOTE_USER') record.user = value;
  else if (key === 'REQUEST_METHOD') record.method = value;
  else if (key === 'REQUEST_URI') record.uri = value;
  else if (key === 'SERVER_PROTOCOL') record.protocol = value;
}

/** `[pid: 7|app: 0|req: 1/1] 127.0.0.1 () {28 vars in 300 bytes} […] GET / => generated 5 bytes in 1 msecs (HTTP/1.1 200) …` */
export function requestLine(record: RequestRecord, date: string): string {
  // uWSGI counts keys and values: twice the number of variables.
  return (
    `[pid: ${record.pid}|app: ${record.app}|req: ${record.requestOfWorker}/${record.requestOfServer}] ${printable(record.address)} ` +
    `(${printable(record.user)}) {${record.varCount * 2} vars in ${record.varsBytes} bytes} [${date}] ` +
    `${printable(record.method)} ${printable(record.uri)} => generated ${record.bodyBytes} bytes in ${Math.floor(record.elapsedMs)} msecs ` +
    `(${printable(record.protocol)} ${record.status}) ${record.headerCount} headers in ${record.headBytes} bytes ` +
    `(${record.switches} switches on core ${record.core})`
  );
}

/** `{address space usage: 1 bytes/0MB} {rss usage: 1 bytes/0MB} `: what `memory-report` puts before the line. */
export function memoryPrefix(addressSpaceBytes: number, residentBytes: number): string {
  const mb = (bytes: number) => Math.floor(bytes / 1_048_576);
  return (
    `{address space usage: ${addressSpaceBytes} bytes/${mb(addressSpaceBytes)}MB} ` +
    `{rss usage: ${residentBytes} bytes/${mb(residentBytes)}MB} `
  );
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let cachedSecond = -1;
let cachedDate = '';

/** The date as C's ctime() writes it, in local time: `Sun Nov 22 05:02:00 2026`. `nowMs`: milliseconds since 1970. */
export function ctime(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== cachedSecond) {
    const date = new Date(nowMs);
    const two = (n: number) => String(n).padStart(2, '0');
    const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    const day = String(date.getDate()).padStart(2, ' ');
    cachedDate = `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${clock} ${date.getFullYear()}`;
    cachedSecond = second;
  }
  return cachedDate;
}

/** Shows every control character, line ends included, as `\xNN`: what a client sends cannot forge a line or steer a terminal. */
export function printable(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, hexEscape) : text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\x00-\x1f\x7f-\x9f]/;
const UNSAFE_ALL = new RegExp(UNSAFE, 'g');

function hexEscape(c: string): string {
  return `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
