// One request on the worker: the view of its packet, its body and its response that an application kind works with.
import type { Socket } from 'node:net';
import type { Exchange, RequestBody } from '../app/exchange.js';
import { PACKET_HEADER_BYTES } from '../base/limits.js';
import type { SlotOccupant, WorkerSlot } from '../lane/worker-lane.js';
import { findVar } from '../protocol/environ-vars.js';
import { SlotBody } from './body.js';
import type { RequestLine } from './request-line.js';
import { SlotResponse } from './response.js';
import type { ResponseOwner, ResponseTools } from './response-tools.js';
import type { TakenConnections } from './taken-connections.js';

/** Whoever runs the exchanges. */
export interface ExchangeOwner {
  onFinished(exchange: SlotExchange): void;
  /** The request waits again. */
  onGivenBack(slot: WorkerSlot): void;
  readonly taken: TakenConnections;
  readonly requestLine: RequestLine;
}

/** Made for each request, so that an application that keeps an old one cannot touch a new one. */
export class SlotExchange implements Exchange, SlotOccupant, ResponseOwner {
  readonly packet: Buffer;
  readonly varsStart = PACKET_HEADER_BYTES;
  readonly varsEnd: number;
  readonly core: number;
  mountPoint = '';
  readonly response: SlotResponse;
  /** When the worker took the request, in milliseconds of the monotonic clock. */
  readonly startedMs: number;
  readonly scan: number;
  onAbort: (() => void) | null = null;
  logVariables: Map<string, string> | null = null;
  private readonly slot: WorkerSlot;
  private readonly owner: ExchangeOwner;
  private bodyReader: SlotBody | undefined;
  private controller: AbortController | undefined;

  constructor(slot: WorkerSlot, tools: ResponseTools, startedMs: number, owner: ExchangeOwner) {
    this.slot = slot;
    this.owner = owner;
    this.packet = slot.request;
    this.varsEnd = slot.varsEnd;
    this.core = slot.index;
    this.startedMs = startedMs;
    const { requestLine } = owner;
    this.scan = requestLine.read(this.packet, this.varsStart, this.varsEnd);
    this.response = new SlotResponse(slot, tools, requestLine.protocol, requestLine.isHead, this);
    slot.occupant = this;
  }

  /** How long it waited for the worker, in milliseconds. */
  get waitedMs(): number {
    return this.slot.waitedMs;
  }

  /** Of the packet and the body. */
  get receivedBytes(): number {
    return this.varsEnd + this.slot.bodyBytes;
  }

  get body(): RequestBody {
    this.bodyReader ??= new SlotBody(this.slot);
    return this.bodyReader;
  }

  get overdue(): boolean {
    return this.response.overdue;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.response.aborted) this.controller.abort();
    return this.controller.signal;
  }

  get upgradable(): boolean {
    return this.slot.upgradable && !this.response.headSent && this.findVar('HTTP_UPGRADE') !== undefined;
  }

  takeConnection(): Promise<Socket> {
    return this.owner.taken.take({
      fd: this.slot.fd,
      protocol: this.findVar('HTTP_UPGRADE') ?? '',
      remoteAddress: this.findVar('REMOTE_ADDR') ?? '',
      remotePort: Number(this.findVar('REMOTE_PORT')),
      handOver: (ticket) => this.response.handOver(ticket),
    });
  }

  /** A var of the request. Only while the response is not finished: the slot's bytes are the front's afterwards. */
  findVar(name: string): string | undefined {
    return findVar(this.packet, this.varsStart, this.varsEnd, name);
  }

  /** The front says that the client has gone. */
  onClientGone(): void {
    this.response.abort();
  }

  /** The supervisor says that the request has run too long. */
  onDeadline(): void {
    this.timeOut();
  }

  setLogVariable(name: string, value: string): void {
    this.logVariables ??= new Map();
    this.logVariables.set(name, value);
  }

  timeOut(): void {
    this.response.timeOut();
  }

  giveBack(): boolean {
    if (!this.response.giveBack()) return false;
    this.slot.occupant = null;
    this.bodyReader?.close();
    this.owner.onGivenBack(this.slot);
    return true;
  }

  onResponseAborted(): void {
    this.controller?.abort();
    const { onAbort } = this;
    this.onAbort = null;
    onAbort?.();
  }

  onResponseFinished(): void {
    this.slot.occupant = null;
    this.bodyReader?.close();
    this.owner.onFinished(this);
  }
}
