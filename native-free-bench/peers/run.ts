// npm run bench:peers: fastwsgi-ts against what its users would pick instead. Starts each peer that is installed, proves that all
// give the same answers, measures in random order, round after round, and prints a table for each scenario.
//   npm run bench:peers -- [--scenario hello,nginx-unix] [--peers fastwsgi-ts,node-http] [--workers 1,2] [--rounds 5]
//     [--seconds 2] [--load wrk|autocannon] [--npm FOLDER] [--docs FOLDER]
// --npm: a folder in which fastify, pm2, wattpm and @platformatic/node were installed. --docs: keep the results in
// FOLDER/benchmarks.json and rewrite the tables of FOLDER/benchmarks.md and its charts; alone with --report, without measuring.
// Exit status 1 when answers differ, or a peer does not start.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { work } from './apps/answers.js';
import { PEERS, type Peer, slug } from './contestants.js';
import { LOADERS, type Loader } from './load.js';
import { measureLoad, type RunOptions } from './measure-load.js';
import { OTHER_SCENARIOS } from './measure-other.js';
import { nginxMissing } from './nginx.js';
import { textTable, writePage } from './report.js';
import { type Results, type Row, readResults, writeResults } from './results.js';
import { commandText } from './running.js';
import { LOAD_SCENARIOS, speaksOf } from './scenarios.js';

const ROOT = resolve(import.meta.dirname, '../..');
const SCENARIOS = [...Object.keys(LOAD_SCENARIOS), ...Object.keys(OTHER_SCENARIOS)];
const CALIBRATION_LOOPS = 20_000_000;
const CALIBRATIONS = 5;

function wrongUse(message: string): never {
  console.error(message);
  process.exit(2);
}

/** What is wanted of what there is; all, when nothing is named. */
function chosen(what: string, wanted: string | undefined, known: readonly string[]): readonly string[] {
  if (wanted === undefined) return known;
  const names = wanted.split(',');
  for (const name of names) if (!known.includes(name)) wrongUse(`No ${what} "${name}": ${known.join(', ')}`);
  return names;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) wrongUse(`--${name} is a whole number from 1, not "${text}"`);
  return value;
}

function readCommandLine() {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string' },
      peers: { type: 'string' },
      workers: { type: 'string', default: '1,2' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      load: { type: 'string', default: 'wrk' },
      npm: { type: 'string', default: '' },
      docs: { type: 'string' },
      report: { type: 'boolean', default: false },
    },
  });
  if (values.report && values.docs === undefined) wrongUse('--report writes a page: name its folder with --docs');
  return {
    scenarios: chosen('scenario', values.scenario, SCENARIOS),
    peers: chosen(
      'peer',
      values.peers,
      PEERS.map(({ name }) => slug(name)),
    ),
    workers: values.workers.split(',').map((text) => positive('workers', text)),
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    loader: chosen('load', values.load, LOADERS)[0] as Loader,
    npm: values.npm === '' ? '' : resolve(values.npm),
    docs: values.docs === undefined ? undefined : resolve(values.docs),
    isReport: values.report,
  };
}

/** Loops of the applications' work that take a millisecond, in each language: the best of several. */
function calibrate(): NodeJS.ProcessEnv {
  let best = 0;
  for (let i = 0; i < CALIBRATIONS; i++) {
    const since = performance.now();
    work(CALIBRATION_LOOPS);
    best = Math.max(best, CALIBRATION_LOOPS / (performance.now() - since));
  }
  const env = { BENCH_JS_LOOPS: String(Math.round(best)) };
  try {
    const script = join(ROOT, 'native-free-bench/peers/apps/app.py');
    return { ...env, BENCH_PY_LOOPS: execFileSync('/usr/bin/python3', [script], { encoding: 'utf8' }).trim() };
  } catch {
    // Without Python there are no peers in it.
    return env;
  }
}

/** Those that are installed; the others are named. */
function installed(names: readonly string[], npm: string): Peer[] {
  return PEERS.filter((peer) => {
    if (!names.includes(slug(peer.name))) return false;
    const missing = peer.missing(npm);
    if (missing !== undefined) console.log(`missing: ${peer.name}: ${missing}`);
    return missing === undefined;
  });
}

async function measure(name: string, peers: readonly Peer[], options: RunOptions): Promise<Row[] | undefined> {
  const scenario = LOAD_SCENARIOS[name];
  if (scenario === undefined) return OTHER_SCENARIOS[name]?.measure(peers, options);
  const missing = scenario.way === undefined ? undefined : nginxMissing();
  if (missing === undefined) return measureLoad(peers, scenario, options);
  console.log(`left out: ${name}: ${missing}`);
  return undefined;
}

function noteCommands(results: Results, peers: readonly Peer[], name: string, npm: string): void {
  const scenario = LOAD_SCENARIOS[name];
  const speaks = scenario === undefined ? 'http' : speaksOf(scenario);
  for (const peer of peers.filter((one) => one.speaks.includes(speaks))) {
    const place = { speaks, port: 8000, socketPath: '/run/uwsgi.sock', workers: 2, folder: options.folder, npm };
    const isBoth = peer.speaks.length > 1;
    results.commands[isBoth ? `${peer.name}, ${speaks}` : peer.name] = commandText({ peer, place }, ROOT);
  }
}

const { docs, isReport, scenarios, peers: names, npm, ...how } = readCommandLine();
const file = docs === undefined ? undefined : join(docs, 'benchmarks.json');
const results: Results = file === undefined ? { scenarios: {}, commands: {} } : readResults(file);
if (docs !== undefined && isReport) {
  writePage(docs, results, SCENARIOS);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'fastwsgi-peers-'));
// nginx' workers run as another user and have to reach the sockets.
chmodSync(folder, 0o755);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const options: RunOptions = { ...how, npm, folder, loops: calibrate() };
const peers = installed(names, npm);
for (const name of scenarios) {
  const rows = await measure(name, peers, options);
  if (rows === undefined) continue;
  const { loader, rounds, seconds } = how;
  const title = (LOAD_SCENARIOS[name] ?? OTHER_SCENARIOS[name])?.title as string;
  const date = new Date().toISOString().slice(0, 10);
  results.scenarios[name] = { title, date, node: process.versions.node, loader, rounds, seconds, rows };
  noteCommands(results, peers, name, npm);
  console.log(textTable(results.scenarios[name]));
  if (file === undefined || docs === undefined) continue;
  writeResults(file, results);
  writePage(docs, results, SCENARIOS);
}
process.exit(0);
