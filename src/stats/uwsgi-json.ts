// The stats as JSON, as uWSGI has them: its keys in its order, so that uwsgitop and uwsgi_exporter read them; what it does not
// have stands under one key at the end.
import { PACKET_HEADER_BYTES } from '../base/limits.js';
import type { RunningRequest } from '../lane/lane-owner.js';
import { addHistograms, BUCKET_BOUNDS_US } from '../observe/histogram.js';
import { forEachVar } from '../protocol/environ-vars.js';
import type { ServerReport, SocketReport, WorkerReport } from './report.js';
import type { CoreJson, OwnJson, SocketJson, StatsJson, WorkerJson } from './stats-json.js';

/** Vars whose values are nobody's business but the application's. */
const SECRET = /^HTTP_(PROXY_)?AUTHORIZATION$|COOKIE|PASSW|SECRET|TOKEN|API_?KEY|SESSION|CREDENTIAL/;
export const HIDDEN = '***';

/** The text that is sent. `isMinified`: without white space. */
export function statsText(report: ServerReport, isMinified: boolean): string {
  return `${JSON.stringify(statsJson(report), null, isMinified ? undefined : '\t')}\n`;
}

export function statsJson(report: ServerReport): StatsJson {
  const { sockets, workers } = report;
  const backlog = Math.max(0, ...sockets.map(({ queue }) => queue));
  return {
    version: report.version,
    listen_queue: backlog,
    listen_queue_errors: report.listenQueueErrors,
    // The signal framework of uWSGI has no counterpart here.
    signal_queue: 0,
    load: backlog,
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    cwd: process.cwd(),
    locks: [],
    sockets: sockets.map(socketJson),
    workers: workers.map((worker) => workerJson(worker, report)),
    fastwsgi: extensionJson(report),
  };
}

function socketJson({ name, protocol, queue, queueMax }: SocketReport): SocketJson {
  return { name, proto: protocol, queue, max_queue: queueMax, shared: 0, can_offload: 0 };
}

function workerJson(worker: WorkerReport, { chdir, nowMs }: ServerReport): WorkerJson {
  const { counts } = worker;
  const { requests, exceptions } = counts;
  const app = {
    id: 0,
    modifier1: 0,
    mountpoint: '',
    startup_time: Math.round(worker.startupMs / 1000),
    requests,
    exceptions,
    chdir,
  };
  return {
    id: worker.id,
    pid: worker.status === 'cheap' ? 0 : process.pid,
    accepting: worker.accepting ? 1 : 0,
    requests,
    delta_requests: worker.threadRequests,
    exceptions,
    harakiri_count: worker.harakiris,
    signals: 0,
    signal_queue: 0,
    status: worker.status,
    // Of a thread both are its own memory; that of the process is under `fastwsgi`.
    rss: worker.memoryBytes,
    vsz: worker.memoryBytes,
    running_time: Math.round(counts.run.sumUs),
    last_spawn: Math.floor(worker.lastSpawnMs / 1000),
    respawn_count: worker.spawns,
    tx: counts.sentBytes,
    avg_rt: Math.round(worker.averageRunUs),
    apps: worker.application === '' ? [] : [app],
    cores: coresJson(worker, nowMs),
  };
}

/** The cores that were used; a core is a slot, and each front has one of its number. */
function coresJson({ counts, running }: WorkerReport, nowMs: number): CoreJson[] {
  const last = Math.max(counts.coresUsed - 1, ...running.map(({ core }) => core));
  return Array.from({ length: last + 1 }, (_, core) => {
    const current = running.filter((request) => request.core === core);
    const [oldest] = current;
    return {
      id: core,
      requests: counts.coreRequests(core),
      static_requests: 0,
      routed_requests: 0,
      offloaded_requests: 0,
      write_errors: counts.coreWriteErrors(core),
      // A body is complete before the application runs.
      read_errors: 0,
      in_request: current.length,
      vars: oldest === undefined ? [] : requestVars(oldest),
      req_info: oldest === undefined ? {} : { request_start: Math.floor((nowMs - oldest.ageMs) / 1000) },
    };
  });
}

/** `NAME=value`, secrets hidden. Bytes above 127 are UTF-8 in all that we know of. */
function requestVars({ packet, varsEnd }: RunningRequest): string[] {
  const vars: string[] = [];
  forEachVar(packet, PACKET_HEADER_BYTES, varsEnd, (name, value) => {
    vars.push(`${name}=${SECRET.test(name) && value !== '' ? HIDDEN : Buffer.from(value, 'latin1').toString()}`);
  });
  return vars;
}

/** What uWSGI does not tell. */
function extensionJson(report: ServerReport): OwnJson {
  const { workers, nowMs } = report;
  return {
    state: report.state,
    now_ms: nowMs,
    started_ms: report.startedAtMs,
    rss: process.memoryUsage.rss(),
    in_flight: report.inFlight,
    fronts: report.fronts.map(({ name, accepted, open, queued, pings, local, answers, unanswered }) => ({
      name,
      accepted,
      open,
      queued,
      pings,
      local: { requests: local.requests, tx: local.sentBytes, by_status: local.byStatus },
      answers: answers.filter(({ count }) => count > 0),
      unanswered,
    })),
    latency: {
      bounds: BUCKET_BOUNDS_US,
      application: addHistograms(workers.map(({ counts }) => counts.run)).counts,
      queue: addHistograms(workers.map(({ counts }) => counts.wait)).counts,
    },
    workers: workers.map(({ id, counts, application, concurrency, stalledMs, running }) => ({
      id,
      application,
      concurrency,
      stalled_ms: Math.round(stalledMs),
      rx: counts.receivedBytes,
      by_status: counts.byStatus,
      latency: counts.run.counts,
      running: running.map(({ core, ageMs }) => ({ core, age_ms: ageMs })),
    })),
    reloads: report.reloads,
    ends: report.ends,
    dropped_log_lines: report.droppedLogLines,
    events: report.events.map(({ atMs, kind, worker, text }) => ({ at_ms: atMs, kind, worker, text })),
  };
}
