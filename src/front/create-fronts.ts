// Chooses the engines and makes the fronts: the gateway for every socket it may serve, the portable ones for the rest.
import type { TlsOptions } from 'node:tls';
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
import { createDesk, type LocalDesk, prepareRules } from './local/desk.js';
import { type LocalSetups, redirectSetup } from './local/setup.js';
import { NetFront } from './net/net.js';
import { NodeHttpFront } from './node/front.js';
import type { ProxyOptions } from './proxy-trust.js';
import type { Turns } from './turns.js';
import type { UwsgiLimits } from './uwsgi-limits.js';

/** One `https` line, resolved and read. */
export interface SecureAddress {
  readonly address: BindAddress;
  readonly tls: TlsOptions;
}

export interface FrontsOptions extends ProxyOptions {
  /** Sockets of ours that no front serves: they may have come with the start, too. */
  readonly otherSockets: readonly Wanted[];
  readonly uwsgiAddresses: readonly BindAddress[];
  readonly uwsgiEngine: UwsgiEngine;
  readonly httpAddresses: readonly BindAddress[];
  readonly httpEngine: HttpEngine;
  readonly httpsAddresses: readonly SecureAddress[];
  /** Where clients are sent to https, and the port that is theirs there. */
  readonly redirectAddresses: readonly { readonly address: BindAddress; readonly port: number | undefined }[];
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
  /** What the fronts count, one block for each part. */
  readonly frontCounters: SharedArrayBuffer;
  /** What is answered without a worker, and counted by whom: the main thread, the gateway. */
  readonly local: LocalSetups;
  log(line: string): void;
  /** Takes what is good to know at start. */
  inform(line: string): void;
  /** Takes request lines, which hold no control characters of a client's. */
  logRequests(lines: string): void;
  /** The gateway thread died of a bug of ours. */
  onCrash(error: Error): void;
}

export interface Fronts {
  /** Sockets that came with the start. */
  readonly inherited: ReadonlyMap<BindAddress, InheritedSocket>;
  readonly all: readonly Front[];
  readonly gateway: GatewayFront | undefined;
  /** Those of `httpsAddresses`, in their order. */
  readonly https: readonly NodeHttpFront[];
  /**
   * Makes ready what is answered without a worker from now on; what is returned puts it in force, and resolves when all do so.
   * Throws a FastwsgiError when a file that is named cannot be read.
   */
  prepareRules(local: LocalSetups): () => Promise<void>;
}

/** What all of them are told about their sockets. */
interface SocketSource {
  readonly inherited: ReadonlyMap<BindAddress, InheritedSocket>;
  readonly chownSocket: SocketOwner | undefined;
}

/** What the main thread's are told besides. */
interface MainSource extends SocketSource {
  readonly desk: LocalDesk;
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
  const https = options.httpsAddresses.map(({ address, tls }) => createNodeFront(address, options, main, tls));
  if (https.length > 0) options.inform('https engine: node');
  all.push(...https);
  const redirects = options.redirectAddresses.map(({ address, port }) => {
    const desk = createDesk(redirectSetup(options.local.main, port), options);
    return { desk, port, front: createNodeFront(address, options, { ...main, desk }) };
  });
  const libc = uwsgiLibc ?? httpLibc;
  const gateway = libc === undefined ? undefined : createGateway(libc, onGateway, options, source);
  return {
    all: [...all, ...(gateway === undefined ? [] : [gateway]), ...redirects.map(({ front }) => front)],
    gateway,
    https,
    inherited: source.inherited,
    prepareRules: (local) => {
      const steps = [
        prepareRules(main.desk, local.main, options),
        ...redirects.map(({ desk, port }) => prepareRules(desk, redirectSetup(local.main, port), options)),
      ];
      return async () => {
        for (const step of steps) step();
        await gateway?.adoptRules(local.gateway);
      };
    },
  };
}

/** In the order of the configuration. */
function wantedSockets(options: FrontsOptions): Wanted[] {
  const { uwsgiAddresses, httpAddresses, httpsAddresses, redirectAddresses } = options;
  return [
    ...uwsgiAddresses.map((address): Wanted => ({ protocol: 'uwsgi', address })),
    ...httpAddresses.map((address): Wanted => ({ protocol: 'http', address })),
    ...httpsAddresses.map(({ address }): Wanted => ({ protocol: 'https', address })),
    ...redirectAddresses.map(({ address }): Wanted => ({ protocol: 'http', address })),
    ...options.otherSockets,
  ];
}

/** The C library, if the gateway is to serve this protocol. */
function gatewayFor(
  protocol: 'uwsgi' | 'http',
  engine: string,
  native: { libc: Libc } | { reason: string },
  { log, inform }: FrontsOptions,
): Libc | undefined {
  if (engine !== 'auto' && engine !== 'epoll') return undefined;
  if ('libc' in native) {
    inform(`${protocol} engine: epoll (${engine === 'auto' ? 'koffi loads' : `${protocol}-engine = epoll`})`);
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
  const { uwsgiAddresses, listenBacklog, soKeepalive, chmodSocket, turns, log, inform } = options;
  inform('uwsgi engine: net');
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
  options.inform(notice);
  return front;
}

/** Of an address that node:http always serves. */
function createNodeFront(
  address: BindAddress,
  options: FrontsOptions,
  { inherited, chownSocket, desk }: MainSource,
  tls?: TlsOptions,
): NodeHttpFront {
  const socket = { ...options, address, tls, desk, chownSocket, inherited: inherited.get(address) };
  return new NodeHttpFront(socket, options.turns);
}

function createGateway(
  libc: Libc,
  addresses: readonly GatewayAddress[],
  options: FrontsOptions,
  source: SocketSource,
): GatewayFront {
  const { listenBacklog, soKeepalive, chmodSocket, httpQueue, httpTimeoutMs, httpKeepaliveMs } = options;
  const { lanes, gatewayPart, frontCounters, local, log, logRequests, onCrash, proxyProtocol, trustedProxies } =
    options;
  const uwsgi = uwsgiLimits(options);
  return new GatewayFront(libc, {
    ...source,
    addresses,
    listen: { backlog: listenBacklog, keepAlive: soKeepalive },
    chmodSocket,
    limits: { uwsgi, http: { ...uwsgi, httpTimeoutMs, httpKeepaliveMs }, httpQueue },
    proxies: { proxyProtocol, trustedProxies },
    front: gatewayPart,
    lanes,
    counters: frontCounters,
    local: local.gateway,
    log,
    logRequests,
    onCrash,
  });
}
