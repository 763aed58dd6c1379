// Every limit has its name, its unit and its home here. Relations between limits are asserted when this file loads.
import { assert } from './assert.js';

/** Bytes of the uwsgi packet header: modifier1, datasize (u16le), modifier2. */
export const PACKET_HEADER_BYTES = 4;
/** The most a packet's vars block can hold: datasize is a u16. */
export const PACKET_VARS_BYTES_MAX = 65535;
/** Vars a packet may carry; one more is answered 431. */
export const PACKET_VARS_MAX = 1024;

/** Bytes of request body that fit into a slot beside the packet, and the default of `post-buffering`. */
export const INLINE_BODY_BYTES_MAX = 65536;
/** A slot's room for the packet and the body that follows it. */
export const SLOT_REQUEST_BYTES = 135_168;
/** A slot's reply ring. A power of two: positions are counters masked to an index. */
export const SLOT_REPLY_BYTES = 65_536;
/** The largest response head an application may make: it must fit the reply ring as one piece. */
export const RESPONSE_HEAD_BYTES_MAX = 61_440;

/** Fronts that may feed a lane: the main thread's and the gateway's. */
export const FRONTS_MAX = 2;
/** Requests one worker may run at once (`threads`, `async`): one slot each, per front. */
export const SLOTS_PER_LANE_MAX = 1024;
/** Slots of a lane, per front, when no `threads`/`async` asks for more. */
export const SLOTS_PER_LANE_DEFAULT = 64;

/** Requests at a time for fetch and Node handlers unless `threads`/`async` says otherwise. */
export const HANDLER_CONCURRENCY_DEFAULT = 64;

/** How long an application that exports nothing may take to call `listen()`. */
export const ADOPTION_WAIT_MS = 60_000;

/** A worker rings the fronts' bells after this many replies of a batch, or after this long, whichever comes first. */
export const BATCH_REPLIES = 8;
export const BATCH_MS = 0.2;
/** Connections the gateway holds open at a time; more wait in the kernel's backlog. */
export const GATEWAY_CONNECTIONS_MAX = 16_384;
/**
 * The end of what a client sends is, on TCP, all that is seen of its leaving; one that only closed its sending side looks the
 * same. It counts as leaving once nothing has gone either way for this long.
 */
export const HALF_CLOSED_QUIET_MS = 1000;
/** HTTP requests that may wait in the front for a worker (`http-queue`); one more is answered 503. */
export const HTTP_QUEUE_DEFAULT = 1024;

/**
 * The young generation of a worker's heap, in MB. A thread that runs out of memory is ended by Node, which gives it 16 MB
 * (node_worker.cc) to come to its end in; a collection that moves more than that into the old generation aborts the whole
 * process instead. A third of this is moved at most.
 */
export const YOUNG_GENERATION_MB = 24;

/** A lane with work in flight and no progress for this long is passed over, and its waiting requests are moved. */
export const LANE_STALL_MS = 5;
/** Requests a front may put into a lane that moves, beyond those the worker runs at a time: they wait for it, not it for them. */
export const LANE_PREFETCH = 32;
/** The slow tick on which every sleeper looks again, whatever its bell says. */
export const REPOLL_MS = 100;

assert(
  SLOT_REQUEST_BYTES >= PACKET_HEADER_BYTES + PACKET_VARS_BYTES_MAX + INLINE_BODY_BYTES_MAX,
  'a slot holds the largest packet and the largest inline body',
);
assert((SLOT_REPLY_BYTES & (SLOT_REPLY_BYTES - 1)) === 0, 'the reply ring is a power of two');
assert(RESPONSE_HEAD_BYTES_MAX < SLOT_REPLY_BYTES, 'a response head fits the reply ring');
