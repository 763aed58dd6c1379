// The table in which Python notes how far it has come with each request: read when the process has died. An entry per token:
// u32le serial number of the request · u8 state · u8 flags · two bytes of nothing · what a report says of an answer. What stands
// there under another serial number is about an earlier request. python/fastwsgi_ts/channel.py writes it.
import { closeSync, ftruncateSync, readSync } from 'node:fs';
import { openTemporaryFile } from '../../system/temporary-file.js';
import { ANSWER_BYTES } from './frames.js';

/** Offsets in an entry. */
const STATE = 4;
const FLAGS = 5;
const ANSWER = 8;
export const STATE_ENTRY_BYTES = ANSWER + ANSWER_BYTES;

/** States of a request. Answered: its client has all of it; the report may not have come. */
export const REQUEST_STATE = { WAITING: 0, RUNNING: 1, REPLYING: 2, ANSWERED: 3 } as const;

/** How far a request has come; `flags` and `answer` as in a report, where it was answered. */
export interface RequestState {
  readonly state: number;
  readonly flags: number;
  readonly answer: Buffer;
}

const NOT_BEGUN: RequestState = { state: REQUEST_STATE.WAITING, flags: 0, answer: Buffer.alloc(0) };

/** The table, in a file without a name. */
export class RequestStates {
  readonly fd: number;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** For so many tokens; or why there is none. */
  static open(tokens: number): RequestStates | string {
    const fd = openTemporaryFile();
    if (typeof fd === 'string') return fd;
    ftruncateSync(fd, tokens * STATE_ENTRY_BYTES);
    return new RequestStates(fd);
  }

  /** What is known of a request. */
  of(token: number, serial: number): RequestState {
    const entry = Buffer.alloc(STATE_ENTRY_BYTES);
    const count = readSync(this.fd, entry, 0, entry.length, token * STATE_ENTRY_BYTES);
    if (count < entry.length || entry.readUInt32LE(0) !== serial) return NOT_BEGUN;
    return { state: entry[STATE] as number, flags: entry[FLAGS] as number, answer: entry.subarray(ANSWER) };
  }

  close(): void {
    closeSync(this.fd);
  }
}
