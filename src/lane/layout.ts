// The shape of a lane's shared memory: a control block, and for every front a request ring, a news ring and its slots.
// One front (main thread or gateway) produces into its own part only; one worker consumes all parts.
import { assert } from '../base/assert.js';
import { FRONTS_MAX, SLOT_REPLY_BYTES, SLOT_REQUEST_BYTES, SLOTS_PER_LANE_MAX } from '../base/limits.js';

/** Int32 words of one cache line: words written by different threads are kept a line apart. */
const LINE = 16;

/** Int32 word indexes of a lane's control block. */
export const CONTROL = {
  /** One of LANE_STATE. Written by the worker (LOADED), else by the main thread. */
  STATE: 0,
  /** Counts the threads that have owned the lane. */
  EPOCH: 1,
  /** 1 asks the worker to finish what it has and return. */
  STOP: 2,
  /** Requests the worker runs at a time; published with LOADED. */
  CONCURRENCY: 3,
  /** `threadId` of the thread that owns the lane. */
  THREAD_ID: 4,
  /** The worker's bell (see bell.ts). */
  BELL: LINE,
  /** Incremented by a front after it marked a slot aborted. */
  ABORTS: 3 * LINE,
  /** Per front: requests it has in this lane. */
  IN_FLIGHT: 4 * LINE,
  /** Per front: the epoch whose death it has cleaned up after. */
  ACKNOWLEDGED: 6 * LINE,
  /** What the worker last said of its memory, in KiB. */
  MEMORY_KIB: 6 * LINE + 8,
  /** And of what of it is resident: the same, unless a process works for the thread. */
  RESIDENT_KIB: 6 * LINE + 9,
  /** Id of the process that works for the thread; 0: none. */
  PROCESS_ID: 6 * LINE + 10,
  /** Connections that the application has taken over, and that have not ended. */
  CONNECTIONS: 6 * LINE + 11,
  /** Counts the worker's looks into its request rings, wrapping: while it stands still, the thread is busy or stuck. */
  PROGRESS: 7 * LINE,
} as const;
const CONTROL_WORDS = 8 * LINE;

export const LANE_STATE = {
  /** No thread, or one that still loads the application. */
  STARTING: 0,
  /** Takes requests. */
  READY: 1,
  /** The thread is gone; every front has to take its requests back and acknowledge. */
  DEAD: 2,
  /** The application is loaded: the thread waits for its turn, or is paused. */
  LOADED: 3,
  /** Finishes what it has, and gets nothing any more. */
  RETIRED: 4,
} as const;

/** Int32 word indexes inside a slot's control block. */
export const SLOT = {
  STATE: 0,
  /** Incremented by the front each time it takes the slot back, so that a stale ring entry is recognised. */
  GENERATION: 1,
  /** 1 while an entry for this slot stands in the news ring. */
  NEWS: 2,
  /** Set to 1 by the front: the client has gone. */
  ABORTED: 3,
  /** The client's descriptor for a direct reply, or -1. The front owns it; the worker only sends on it. */
  FD: 4,
  /** Where the vars block ends in the request bytes; the inline body begins here. */
  VARS_END: 5,
  /** Descriptor of the body's temporary file, or -1 when the body is inline. Owned by the front. */
  BODY_FD: 6,
  /** Body length in bytes: low 32 bits, then high. */
  BODY_LOW: 7,
  BODY_HIGH: 8,
  /** Milliseconds of `monotonicMs` when the worker took the request, as a wrapping 32-bit number. */
  STARTED_AT: 9,
  /** Bytes written to the reply ring so far (a wrapping counter; worker), and bytes taken out (front). */
  REPLY_HEAD: 10,
  REPLY_TAIL: 11,
  /** 1 while the worker waits for REPLY_TAIL to move. */
  REPLY_WAITING: 12,
  /** Bytes of the response head at the start of the reply; 0 while there is none. */
  HEAD_BYTES: 13,
  STATUS: 14,
  /** Bits of REPLY_FLAG. */
  REPLY_FLAGS: 15,
  /** The response's Content-Length when REPLY_FLAG.CONTENT_LENGTH is set: low 32 bits, then high. */
  LENGTH_LOW: 16,
  LENGTH_HIGH: 17,
  /** One of REQUEST_ORIGIN. The front may turn HTTP_KEEP_ALIVE into HTTP_CLOSE while the request runs. */
  ORIGIN: 18,
  /** Counts what the worker has handed on of its replies in this slot, wrapping: while it moves, somebody is sent something. */
  SENDS: 19,
  /** The generation, plus one, of the request in this slot that has passed its deadline. Written by the supervisor. */
  OVERDUE: 20,
  /** 1: the front lets go of the connection if the worker asks for it, with REPLY_FLAG.HANDED_OVER. */
  UPGRADABLE: 21,
  /** With REPLY_FLAG.TRAILERS: the position in the reply, as a wrapping counter, where they begin. */
  TRAILERS_AT: 23,
  /** Microseconds of `monotonicMs` when the front had the whole request, as a wrapping 32-bit number. */
  ARRIVED_AT: 22,
  /** 1: the worker has passed BODY_FD on, to who may go on reading from it when the request is done. */
  BODY_LENT: 24,
} as const;
export const SLOT_WORDS = 2 * LINE;
/** What goes along when a request moves to another slot, beside its description. */
export const MOVED_WORDS = [SLOT.UPGRADABLE, SLOT.BODY_LENT, SLOT.ARRIVED_AT] as const;

/** A slot's states, in the order it passes through them; each change has one owner. */
export const SLOT_STATE = {
  FREE: 0,
  /** The front writes the request. */
  FILLING: 1,
  /** In the request ring. The worker takes it by compare-exchange, or the front takes it back by one. */
  READY: 2,
  RUNNING: 3,
  /** The first byte of the reply has been handed on: nobody can answer in the worker's stead any more. */
  REPLYING: 4,
  /** The worker is through with it; the front sends what is left and frees it. */
  DONE: 5,
} as const;

/** Which protocol the request came by. */
export const REQUEST_ORIGIN = {
  UWSGI: 0,
  /** HTTP, framed by the front. */
  HTTP: 1,
  /** HTTP, framed by the worker: the connection may go on, or ends with the response. */
  HTTP_KEEP_ALIVE: 2,
  HTTP_CLOSE: 3,
  /** As HTTP, where the front can send trailers. */
  HTTP_TRAILERS: 4,
} as const;

/** Facts about the response that a front needs to frame it. */
export const REPLY_FLAG = {
  CONTENT_LENGTH: 1,
  CONNECTION_CLOSE: 2,
  /** No body may follow: 1xx, 204, 304, or the answer to HEAD. */
  NO_BODY: 4,
  HAS_DATE: 8,
  /** The application failed after the head was sent: close without completing. */
  BROKEN: 16,
  /** The application sent headers that are the connection's business: Connection, Transfer-Encoding and their like. */
  CONNECTION_HEADERS: 32,
  /** With BROKEN: the body was shorter than its Content-Length. Noted by whoever frames the response in the worker. */
  SHORT: 64,
  /** The body was longer than its Content-Length, and cut. */
  OVERRUN: 128,
  /**
   * The worker takes the connection over. It holds a duplicate of the descriptor; or, where the front gave it none, the reply is
   * no response but a `TunnelTicket`, and the front passes all bytes on.
   */
  HANDED_OVER: 256,
  /** Behind the body stand trailers, as lines. Set before any of their bytes is published. */
  TRAILERS: 512,
} as const;

/** What is passed to the threads: shared memory only. */
export interface LaneMemory {
  readonly id: number;
  readonly slots: number;
  readonly control: SharedArrayBuffer;
  /** One part for each front. */
  readonly parts: readonly SharedArrayBuffer[];
}

/** Byte and word offsets of one front's part. */
export interface PartLayout {
  readonly ringCapacity: number;
  readonly requestRingWord: number;
  readonly newsRingWord: number;
  readonly slotsWord: number;
  readonly requestsByte: number;
  readonly repliesByte: number;
  readonly bytes: number;
}

/** Words before a ring's entries: head and tail, a line apart. */
export const RING_HEADER_WORDS = 2 * LINE;
export const RING_TAIL_WORD = LINE;

/** Computes where everything lies in a part of `slots` slots. */
export function partLayout(slots: number): PartLayout {
  assert(slots >= 1 && slots <= SLOTS_PER_LANE_MAX, 'the number of slots is in range');
  // Requests that were taken back leave stale entries in a ring whose worker is stuck: four times the slots is ample,
  // and a full ring only means that the lane takes no more.
  const ringCapacity = Math.max(256, 2 ** Math.ceil(Math.log2(slots * 4)));
  const requestRingWord = 0;
  const newsRingWord = requestRingWord + RING_HEADER_WORDS + ringCapacity;
  const slotsWord = newsRingWord + RING_HEADER_WORDS + ringCapacity;
  // Bytes start on a page, so that an untouched slot costs no memory.
  const requestsByte = Math.ceil(((slotsWord + slots * SLOT_WORDS) * 4) / 4096) * 4096;
  const repliesByte = requestsByte + slots * SLOT_REQUEST_BYTES;
  const bytes = repliesByte + slots * SLOT_REPLY_BYTES;
  return { ringCapacity, requestRingWord, newsRingWord, slotsWord, requestsByte, repliesByte, bytes };
}

/** Makes a lane's shared memory: zeroed, committed by the kernel page by page as it is touched. */
export function createLaneMemory(id: number, slots: number): LaneMemory {
  const { bytes } = partLayout(slots);
  const parts: SharedArrayBuffer[] = [];
  for (let front = 0; front < FRONTS_MAX; front++) parts.push(new SharedArrayBuffer(bytes));
  return { id, slots, control: new SharedArrayBuffer(CONTROL_WORDS * 4), parts };
}

/** Reads a length kept as two 32-bit words. */
export function readLength(words: Int32Array, at: number): number {
  return ((words[at + 1] as number) >>> 0) * 2 ** 32 + ((words[at] as number) >>> 0);
}

/** Writes a length (a safe integer) as two 32-bit words. */
export function writeLength(words: Int32Array, at: number, value: number): void {
  words[at] = value | 0;
  words[at + 1] = Math.floor(value / 2 ** 32);
}
