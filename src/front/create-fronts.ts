// Chooses the engines and makes the fronts: the gateway for every socket it may serve, the portable ones for the rest.
import { FastwsgiError } from '../base/errors.js';
import { INLINE_BODY_BYTES_MAX } from '../base/limits.js';
import { socketOwner } from '../config/accounts.js';
import type { HttpEngine, UwsgiEngine } from '../config/configuration.js';
import type { LaneMemory } from '../lane/layout.js';
import { type InheritedSocket, takeInherited, type Wanted } from '../system/inherited.js';
import { type Libc, loadLibc } from '../system/libc.js';
import type { BindAddress } from '../system/listen.js';
import type { SocketOwner } from '../system/socket-files.js';
import type { Front } from './front.js';
import { type GatewayAddress, GatewayFront } from './gateway/gateway.js';
import { createHttpFront } from './http/create.js';
import { createDesk, type LocalDesk, type LocalSetup } from './local/desk.js';
import { NetFront } from './net/net.js';
import type { Turns } from './turns.js';
import type { UwsgiLimits } from './uwsgi-limits.js';

export interface FrontsOptions {
  readonly uwsgiAddresses: readonly BindAddress[];
  readonly uwsgiEngine: UwsgiEngine;
  readonly httpAddresses: readonly BindAddress[];
  readonly httpEngine: HttpEngine;
  readonly listenBacklog: number;
  readonly soKeepalive: boolean;
  /** Permission bits of unix sockets, or undefined for what umask leaves. */
  readonly chmodSocket: number | undefined;
  /** `user[:group]`. */
  readonly chownSocket: string | undefined;
  readonly varsBytesMax: number;
  readonly postBufferingBytes: number;
  /** 0: no limit. */
  readonly limitPostBytes: number;
  readonly socketTimeoutMs: number;
  readonly httpTimeoutMs: number;
  readonly httpKeepaliveMs: number;
  readonly httpQueue: number;
  /** The turns of the main thread's fronts. */
  readonly turns: Turns;
  readonly lanes: readonly LaneMemory[];
  /** The gateway's part of every lane. */
  readonly gatewayPart: number;
  /** What is answered without a worker, and counted by whom: the main thread, the gateway. */
  readonly local: { readonly main: LocalSetup; readonly gateway: LocalSetup };
  log(line: string): void;
  /** Takes request lines, which hold no control characters of a client's. */
  logRequests(lines: string): void;
  /** The gateway thread died of a bug of ours. */
  onCrash(error: Error): void;
}

export interface Fronts {
  readonly all: readonly Front[];
  readonly gateway: GatewayFront | undefined;
}

/** What all of them are told about their sockets. */
interface SocketSource {
  readonly inherited: ReadonlyMap<BindAddress, InheritedSocket>;
  readonly chownSocket: SocketOwner | undefined;
}

/** What the main thread's are told besides. */
interface MainSource extends SocketSource {
  readonly desk: LocalDesk | undefined;
}

/** Makes the fronts; none listens yet. Rejects with ERR_ENGINE when an engine that was asked for by name cannot serve. */
export async function createFronts(options: FrontsOptions): Promise<Fronts> {
  const all: Front[] = [];
  const onGateway: GatewayAddress[] = [];
  const native = loadLibc();
  const source: SocketSource = {
    inherited: takeInherited(wantedSockets(options), 'libc' in native ? native.libc : undefined, options.log),
    chownSocket: socketOwner(options.chownSocket),
  };
  const main: MainSource = { ...source, desk: createDesk(options.local.main, options) };
  const uwsgiLibc =
    options.uwsgiAddresses.length > 0 ? gatewayFor('uwsgi', options.uwsgiEngine, native, options) : undefined;
  if (uwsgiLibc !== undefined) {
    for (const address of options.uwsgiAddresses) onGateway.push({ protocol: 'uwsgi', address });
  } else if (options.uwsgiAddresses.length > 0) {
    all.push(createNetFront(options, main));
  }
  const httpLibc =
    options.httpAddresses.length > 0 ? gatewayFor('http', options.httpEngine, native, options) : undefined;
  for (const address of options.httpAddresses) {
    if (httpLibc !== undefined) onGateway.push({ protocol: 'http', address });
    else all.push(await createOtherHttpFront(address, options, main));
  }
  const libc = uwsgiLibc ?? httpLibc;
  const gateway = libc === undefined ? undefined : createGateway(libc, onGateway, options, source);
  return { all: gateway === undefined ? all : [...all, gateway], gateway };
}

/** In the order of the configuration. */
function wantedSockets({ uwsgiAddresses, httpAddresses }: FrontsOptions): Wanted[] {
  return [
    ...uwsgiAddresses.map((address): Wanted => ({ protocol: 'uwsgi', address })),
    ...httpAddresses.map((address): Wanted => ({ protocol: 'http', address })),
  ];
}

/** The C library, if the gateway is to serve this protocol. */
function gatewayFor(
  protocol: 'uwsgi' | 'http',
  engine: string,
  native: { libc: Libc } | { reason: string },
  { log }: FrontsOptions,
): Libc | undefined {
  if (engine !== 'auto' && engine !== 'epoll') return undefined;
  if ('libc' in native) {
    log(`${protocol} engine: epoll (${engine === 'auto' ? 'koffi loads' : `${protocol}-engine = epoll`})`);
    return native.libc;
  }
  if (engine === 'epoll') {
    const option = `${protocol}-engine`;
    throw new FastwsgiError('ERR_ENGINE', `Cannot use ${option} = epoll: ${native.reason}`, { option });
  }
  log(`${protocol} engine epoll cannot serve here: ${native.reason}`);
  return undefined;
}

function uwsgiLimits({
  varsBytesMax,
  postBufferingBytes,
  limitPostBytes,
  socketTimeoutMs,
}: FrontsOptions): UwsgiLimits {
  const inlineBodyBytesMax = Math.min(postBufferingBytes, INLINE_BODY_BYTES_MAX);
  return { varsBytesMax, inlineBodyBytesMax, limitPostBytes, socketTimeoutMs };
}

function createNetFront(options: FrontsOptions, source: MainSource): NetFront {
  const { uwsgiAddresses, listenBacklog, soKeepalive, chmodSocket, turns, log } = options;
  log('uwsgi engine: net');
  return new NetFront({
    ...source,
    addresses: uwsgiAddresses,
    backlog: listenBacklog,
    keepAlive: soKeepalive,
    chmodSocket,
    limits: uwsgiLimits(options),
    turns,
    log,
  });
}

async function createOtherHttpFront(
  address: BindAddress,
  options: FrontsOptions,
  { inherited, chownSocket, desk }: MainSource,
): Promise<Front> {
  const engine = options.httpEngine === 'epoll' ? 'auto' : options.httpEngine;
  const socket = { ...options, address, desk, chownSocket, inherited: inherited.get(address) };
  const { front, notice } = await createHttpFront(engine, socket, options.turns);
  options.log(notice);
  return front;
}

function createGateway(
  libc: Libc,
  addresses: readonly GatewayAddress[],
  options: FrontsOptions,
  source: SocketSource,
): GatewayFront {
  const { listenBacklog, soKeepalive, chmodSocket, httpQueue, httpTimeoutMs, httpKeepaliveMs } = options;
  const { lanes, gatewayPart, local, log, logRequests, onCrash } = options;
  const uwsgi = uwsgiLimits(options);
  return new GatewayFront(libc, {
    ...source,
    addresses,
    listen: { backlog: listenBacklog, keepAlive: soKeepalive },
    chmodSocket,
    limits: { uwsgi, http: { ...uwsgi, httpTimeoutMs, httpKeepaliveMs }, httpQueue },
    front: gatewayPart,
    lanes,
    local: local.gateway,
    log,
    logRequests,
    onCrash,
  });
}
