// The report in Prometheus' text format 0.0.4, or as OpenMetrics 1.0. Where uwsgi_exporter has a name for the same thing it is
// used here; the rest begins with fastwsgi_. Seconds and bytes, as Prometheus wants them.
import { readdirSync, readFileSync } from 'node:fs';
import { BUCKET_BOUNDS_US, type Histogram } from '../observe/histogram.js';
import type { ServerReport, WorkerReport } from './report.js';

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

type Labels = Readonly<Record<string, string | number>>;

/** Everything, one family after the other. */
export function exposition(report: ServerReport, isOpenMetrics: boolean): string {
  const writer = new Writer(isOpenMetrics);
  writeServer(writer, report);
  writeWorkers(writer, report.workers);
  writeLatencies(writer, report.workers);
  writeFronts(writer, report);
  writeProcess(writer, report);
  return writer.end();
}

function writeServer(writer: Writer, report: ServerReport): void {
  const { workers, sockets, inFlight, reloads, ends } = report;
  writer.family('fastwsgi_build_info', 'gauge', 'Always 1; the labels tell what runs');
  writer.sample('fastwsgi_build_info', { version: report.version, node: process.version }, 1);
  writer.one('fastwsgi_ready', 'gauge', 'Whether requests are answered', report.state === 'ready' ? 1 : 0);
  writer.one('uwsgi_workers', 'gauge', 'Number of workers', workers.length);
  writer.one(
    'uwsgi_listen_queue_length',
    'gauge',
    'Longest backlog of a socket',
    Math.max(0, ...sockets.map(({ queue }) => queue)),
  );
  writer.one('uwsgi_listen_queue_errors', 'gauge', 'How often a backlog was seen full', report.listenQueueErrors);
  writer.one('uwsgi_signal_queue_length', 'gauge', 'Always 0: there is no signal framework', 0);
  writer.each(
    'uwsgi_socket_queue_length',
    'gauge',
    'Connections in the backlog of a socket',
    sockets,
    ({ name, protocol, queue }) => [{ name, proto: protocol }, queue],
  );
  writer.each(
    'uwsgi_socket_max_queue_length',
    'gauge',
    'The most the backlog holds',
    sockets,
    ({ name, protocol, queueMax }) => [{ name, proto: protocol }, queueMax],
  );
  writer.one('fastwsgi_requests_in_flight', 'gauge', 'Requests that workers have', inFlight);
  writer.each(
    'fastwsgi_reloads_total',
    'counter',
    'Reloads by outcome',
    Object.entries(reloads),
    ([outcome, count]) => [{ outcome }, count],
  );
  writer.each(
    'fastwsgi_worker_ends_total',
    'counter',
    'Worker threads that were replaced or died, by cause',
    ends,
    ({ cause, count }) => [{ cause }, count],
  );
  writer.one('fastwsgi_log_lines_dropped_total', 'counter', 'Log lines that found no room', report.droppedLogLines);
}

const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

function writeWorkers(writer: Writer, workers: readonly WorkerReport[]): void {
  const worker = (name: string, type: Type, help: string, value: (worker: WorkerReport) => number) =>
    writer.each(name, type, help, workers, (one) => [{ worker_id: one.id }, value(one)]);
  worker('uwsgi_worker_accepting', 'gauge', 'Whether the worker gets requests', ({ accepting }) => (accepting ? 1 : 0));
  worker('uwsgi_worker_busy', 'gauge', 'Whether the worker has requests', ({ status }) => (status === 'busy' ? 1 : 0));
  worker('uwsgi_worker_requests_total', 'counter', 'Requests the worker has answered', ({ counts }) => counts.requests);
  worker(
    'uwsgi_worker_delta_requests',
    'gauge',
    'Of those, what its thread has answered',
    ({ threadRequests }) => threadRequests,
  );
  worker(
    'uwsgi_worker_exceptions_total',
    'counter',
    'Errors that the application threw',
    ({ counts }) => counts.exceptions,
  );
  worker('uwsgi_worker_harakiri_count_total', 'counter', 'Requests that ran too long', ({ harakiris }) => harakiris);
  worker('uwsgi_worker_rss_bytes', 'gauge', 'Memory of the worker thread', ({ memoryBytes }) => memoryBytes);
  worker(
    'uwsgi_worker_vsz_bytes',
    'gauge',
    'The same: of a thread both are its own memory',
    ({ memoryBytes }) => memoryBytes,
  );
  worker(
    'uwsgi_worker_running_time_seconds',
    'gauge',
    'Time in the application',
    ({ counts }) => counts.run.sumUs / 1e6,
  );
  worker(
    'uwsgi_worker_last_spawn_time_seconds',
    'gauge',
    'When its thread began to serve',
    ({ lastSpawnMs }) => lastSpawnMs / 1000,
  );
  worker(
    'uwsgi_worker_respawn_count_total',
    'counter',
    'Threads that have served as this worker',
    ({ spawns }) => spawns,
  );
  worker('uwsgi_worker_transmitted_bytes_total', 'counter', 'Bytes of the responses', ({ counts }) => counts.sentBytes);
  worker(
    'fastwsgi_worker_received_bytes_total',
    'counter',
    'Bytes of the requests',
    ({ counts }) => counts.receivedBytes,
  );
  worker(
    'uwsgi_worker_average_response_time_seconds',
    'gauge',
    'Mean of the last response time and this one before it',
    ({ averageRunUs }) => averageRunUs / 1e6,
  );
  worker('uwsgi_worker_cores', 'gauge', 'Requests it runs at a time', ({ concurrency }) => concurrency);
  worker('fastwsgi_worker_requests_running', 'gauge', 'Requests it runs now', ({ running }) => running.length);
  worker(
    'fastwsgi_worker_stalled_seconds',
    'gauge',
    'How long its event loop has not turned',
    ({ stalledMs }) => stalledMs / 1000,
  );
  writer.family(
    'fastwsgi_worker_responses_total',
    'counter',
    'Requests by the class of their status; none: the client had gone',
  );
  for (const { id, counts } of workers) {
    for (const [at, count] of counts.byStatus.entries()) {
      writer.sample('fastwsgi_worker_responses_total', { worker_id: id, class: CLASSES[at] ?? '' }, count);
    }
  }
}

function writeLatencies(writer: Writer, workers: readonly WorkerReport[]): void {
  const histogram = (name: string, help: string, value: (worker: WorkerReport) => Histogram) => {
    writer.family(name, 'histogram', help);
    for (const worker of workers) writer.histogram(name, { worker_id: worker.id }, value(worker));
  };
  histogram('fastwsgi_request_duration_seconds', 'Time in the application', ({ counts }) => counts.run);
  histogram(
    'fastwsgi_request_queue_seconds',
    'Time a complete request waited for its worker',
    ({ counts }) => counts.wait,
  );
  histogram(
    'fastwsgi_worker_event_loop_delay_seconds',
    'How late the event loop was, looked at ten times a second',
    ({ counts }) => counts.loop,
  );
}

function writeFronts(writer: Writer, { fronts }: ServerReport): void {
  writer.each('fastwsgi_connections_accepted_total', 'counter', 'Connections', fronts, ({ name, accepted }) => [
    { front: name },
    accepted,
  ]);
  writer.each('fastwsgi_connections_open', 'gauge', 'Connections that are open', fronts, ({ name, open }) => [
    { front: name },
    open,
  ]);
  writer.each(
    'fastwsgi_queue_length',
    'gauge',
    'Complete requests that wait for a worker',
    fronts,
    ({ name, queued }) => [{ front: name }, queued],
  );
  writer.each('fastwsgi_pings_total', 'counter', 'Pings', fronts, ({ name, pings }) => [{ front: name }, pings]);
  writer.family(
    'fastwsgi_local_responses_total',
    'counter',
    'Requests answered out of files or by routes, by status class',
  );
  for (const { name, local } of fronts) {
    for (const [at, count] of local.byStatus.entries()) {
      writer.sample('fastwsgi_local_responses_total', { front: name, class: CLASSES[at] ?? '' }, count);
    }
  }
  writer.each('fastwsgi_local_transmitted_bytes_total', 'counter', 'Bytes of those', fronts, ({ name, local }) => [
    { front: name },
    local.sentBytes,
  ]);
  writer.family(
    'fastwsgi_front_answers_total',
    'counter',
    'Requests that no worker has answered, but the server itself',
  );
  for (const { name, answers } of fronts) {
    for (const { status, cause, count } of answers)
      writer.sample('fastwsgi_front_answers_total', { front: name, status, cause }, count);
  }
  writer.family(
    'fastwsgi_unanswered_total',
    'counter',
    'Requests that ended without an answer, or in the middle of it',
  );
  for (const { name, unanswered } of fronts) {
    for (const { cause, count } of unanswered)
      writer.sample('fastwsgi_unanswered_total', { front: name, cause }, count);
  }
}

/** By the names that all of Prometheus' client libraries use. */
function writeProcess(writer: Writer, { startedAtMs }: ServerReport): void {
  const { user, system } = process.cpuUsage();
  writer.one('process_cpu_seconds_total', 'counter', 'Time on a processor', (user + system) / 1e6);
  writer.one('process_start_time_seconds', 'gauge', 'When the server started', startedAtMs / 1000);
  writer.one('process_resident_memory_bytes', 'gauge', 'Resident memory', process.memoryUsage.rss());
  const descriptors = openDescriptors();
  if (descriptors > 0) writer.one('process_open_fds', 'gauge', 'Open file descriptors', descriptors);
  const virtual = virtualBytes();
  if (virtual > 0) writer.one('process_virtual_memory_bytes', 'gauge', 'Virtual memory', virtual);
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

function virtualBytes(): number {
  try {
    return Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

type Type = 'counter' | 'gauge' | 'histogram';

/** Writes families and their samples. */
class Writer {
  private readonly lines: string[] = [];
  private readonly isOpenMetrics: boolean;

  constructor(isOpenMetrics: boolean) {
    this.isOpenMetrics = isOpenMetrics;
  }

  family(name: string, type: Type, help: string): void {
    // In OpenMetrics the family of a counter is named without its suffix.
    const family = this.isOpenMetrics && type === 'counter' ? name.replace(/_total$/, '') : name;
    this.lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`);
  }

  sample(name: string, labels: Labels, value: number): void {
    this.lines.push(`${name}${labelText(labels)} ${value}`);
  }

  one(name: string, type: Type, help: string, value: number): void {
    this.family(name, type, help);
    this.sample(name, {}, value);
  }

  each<T>(
    name: string,
    type: Type,
    help: string,
    all: readonly T[],
    sample: (one: T) => readonly [Labels, number],
  ): void {
    this.family(name, type, help);
    for (const one of all) this.sample(name, ...sample(one));
  }

  histogram(name: string, labels: Labels, { counts, sumUs }: Histogram): void {
    let sum = 0;
    for (const [at, count] of counts.entries()) {
      sum += count;
      const bound = BUCKET_BOUNDS_US[at];
      this.sample(`${name}_bucket`, { ...labels, le: bound === undefined ? '+Inf' : bound / 1e6 }, sum);
    }
    this.sample(`${name}_sum`, labels, sumUs / 1e6);
    this.sample(`${name}_count`, labels, sum);
  }

  end(): string {
    if (this.isOpenMetrics) this.lines.push('# EOF');
    return `${this.lines.join('\n')}\n`;
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}
