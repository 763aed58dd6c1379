// How a peer's fault on a uwsgi socket counts: by the status it was answered with, or as a request without an answer.
import { type FrontCounters, UNANSWERED } from '../observe/front-counters.js';
import { FAULT, FAULT_TABLE, type Fault } from '../protocol/faults.js';

/** Counts a request that is not served because of `fault`. A connection that was closed before its first byte is none. */
export function countFault(counters: FrontCounters, fault: Fault): void {
  const { status } = FAULT_TABLE[fault];
  if (status > 0) return counters.answered(status);
  switch (fault) {
    case FAULT.EOF_BEFORE_REQUEST:
      return;
    case FAULT.EOF_IN_HEADER:
    case FAULT.EOF_IN_VARS:
    case FAULT.STALL:
      return counters.ended(UNANSWERED.INCOMPLETE);
    default:
      return counters.ended(UNANSWERED.REFUSED);
  }
}
