// Logs a request when its response is complete, from the vars in its slot: called before the slot is given back.

import type { WorkerInit } from '../lane/worker-init.js';
import type { Counters } from '../observe/counters.js';
import type { Log } from '../observe/log.js';
import { ctime, memoryPrefix, newRecord, noteVar, requestLine } from '../observe/request-line.js';
import { forEachVar } from '../protocol/environ-vars.js';
import type { SlotExchange } from './exchange.js';

/** Memory figures are read from the kernel at most this often. */
const MEMORY_EVERY_MS = 1000;

/** Writes one worker's request lines. */
export class RequestLogger {
  private readonly init: WorkerInit;
  private readonly counters: Counters;
  private readonly destination: Log;
  private requests = 0;
  private prefix = '';
  private prefixAtMs = Number.NEGATIVE_INFINITY;

  constructor(init: WorkerInit, counters: Counters, destination: Log) {
    this.init = init;
    this.counters = counters;
    this.destination = destination;
  }

  log(exchange: SlotExchange, endedMs: number): void {
    const { response } = exchange;
    const record = newRecord(exchange.varsEnd - exchange.varsStart);
    record.app = 0;
    record.switches = 1;
    record.pid = process.pid;
    record.requestOfWorker = ++this.requests;
    record.requestOfServer = this.counters.requestsTotal;
    record.bodyBytes = response.bodyBytes;
    record.elapsedMs = endedMs - exchange.startedMs;
    record.status = response.statusCode;
    record.headerCount = response.headerCount;
    record.headBytes = response.headBytes;
    record.core = exchange.core;
    forEachVar(exchange.packet, exchange.varsStart, exchange.varsEnd, (key, value) => noteVar(record, key, value));
    this.destination.rawLine(this.memory(endedMs) + requestLine(record, ctime(Date.now())));
  }

  private memory(nowMs: number): string {
    if (this.init.memoryReport && nowMs - this.prefixAtMs >= MEMORY_EVERY_MS) {
      const { rss, heapTotal, external } = process.memoryUsage();
      this.prefix = memoryPrefix(heapTotal + external, rss);
      this.prefixAtMs = nowMs;
    }
    return this.prefix;
  }
}
