// The command line: reads the configuration, runs the server until a signal ends it, and turns errors into one printed
// message and a documented exit status.
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { errorReport, exitStatusOf, FastwsgiError } from './base/errors.js';
import type { SocketAddress } from './config/address.js';
import { checkConfiguration } from './config/check.js';
import { parseCommandLine } from './config/command-line.js';
import type { Configuration } from './config/configuration.js';
import { renderHelp } from './config/help.js';
import { OperatorFiles } from './config/operator-files.js';
import { renderOptionsDocument } from './config/options-doc.js';
import { showConfig } from './config/show.js';
import { VERSION } from './config/version.js';
import { encodePing, parsePingReply } from './protocol/uwsgi-encoder.js';
import { releaseSignals } from './system/held-signals.js';
import { takeParent } from './system/parent.js';
import { signalPidfile } from './system/pidfile.js';

const PING_TIMEOUT_MS = 3000;
/** As uWSGI has them. */
const COMMAND_SIGNALS = { stop: 'SIGINT', reload: 'SIGHUP', pause: 'SIGTSTP' } as const;

async function main(): Promise<number | undefined> {
  const files = new OperatorFiles();
  const command = parseCommandLine(process.argv.slice(2), process.env, process.cwd(), files);
  files.endStart();
  if (command.kind !== 'serve') releaseSignals();
  if (command.kind === 'serve' || command.kind === 'check') refuseDescriptor(command.configuration, files);
  switch (command.kind) {
    case 'help':
      process.stdout.write(renderHelp());
      return 0;
    case 'version':
      process.stdout.write(`fastwsgi-ts ${VERSION}\n`);
      return 0;
    case 'docs':
      process.stdout.write(renderOptionsDocument());
      return 0;
    case 'show-config':
      printNotices(command.configuration);
      process.stdout.write(showConfig(command.configuration));
      return 0;
    case 'check':
      printNotices(command.configuration);
      checkConfiguration(command.configuration);
      process.stdout.write('The configuration is valid\n');
      return 0;
    case 'ping':
      return ping(command.address);
    case 'top':
      return (await import('./stats/top/top.js')).runTop(command.address, command.intervalMs);
    case 'signal':
      signalPidfile(command.pidfile, COMMAND_SIGNALS[command.action]);
      return 0;
    case 'serve':
      return serve(command.configuration, files);
    default:
      return command satisfies never;
  }
}

/** What the server would say at start, to standard error: it may be why a check fails. */
function printNotices({ notices }: Configuration): void {
  for (const { text } of notices) process.stderr.write(`${text}\n`);
}

/** Throws a FastwsgiError where a process that we are to start would not find the configuration. */
function refuseDescriptor({ master, daemonize, daemonize2 }: Configuration, { descriptor }: OperatorFiles): void {
  if (descriptor === undefined || !(master || (daemonize ?? daemonize2) !== undefined)) return;
  const who = master ? 'the server of the guard (master)' : 'the server in the background (daemonize)';
  throw new FastwsgiError('ERR_CONFIG', `${who} cannot read its configuration from ${descriptor}: use a file`);
}

/**
 * Becomes a daemon, a guard or a server, or a server under one of the others. What it resolves with is the exit status; a
 * server ends its process itself. Only what is needed is loaded: the guard stays small.
 */
async function serve(configuration: Configuration, files: OperatorFiles): Promise<number | undefined> {
  const parent = takeParent();
  const { daemonize: file, daemonize2: file2, master, cwd } = configuration;
  const logFile = file ?? file2;
  if (logFile !== undefined && parent.kind === 'none') {
    const { daemonize } = await import('./system/daemon.js');
    return daemonize('daemonize', resolve(cwd, logFile), file === undefined);
  }
  if (master && parent.kind !== 'guard') {
    const { runGuard } = await import('./supervise/guard.js');
    return runGuard(configuration);
  }
  // As it was read the first time, wherever the server has gone since.
  const env = { ...process.env };
  const readAgain = (): Configuration => {
    const command = parseCommandLine(process.argv.slice(2), env, cwd, files);
    return command.kind === 'serve' ? command.configuration : configuration;
  };
  await (await import('./serve.js')).serve(configuration, parent, readAgain);
  return undefined;
}

/** `--ping`: 0 when the server answers, 1 when it does not, 2 when it answers with a warning. */
function ping(address: SocketAddress): Promise<number> {
  return new Promise((resolvePing) => {
    const target =
      address.kind === 'tcp'
        ? { host: address.host === '0.0.0.0' ? '127.0.0.1' : address.host, port: address.port }
        : { path: address.kind === 'unix' ? address.path : `\0${address.name}` };
    const socket = connect(target, () => socket.write(encodePing()));
    let received = Buffer.alloc(0);
    const done = (status: number, text: string) => {
      socket.destroy();
      if (text !== '') process.stderr.write(`${text}\n`);
      resolvePing(status);
    };
    socket.setTimeout(PING_TIMEOUT_MS, () => done(1, 'no answer'));
    socket.on('error', (error) => done(1, error.message));
    socket.on('end', () => done(1, 'the connection was closed without an answer'));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const { state, warning } = parsePingReply(received);
      if (state === 'ok') done(0, '');
      else if (state === 'warning') done(2, warning);
      else if (state === 'invalid') done(1, 'the answer is no uwsgi pong');
    });
  });
}

try {
  const status = await main();
  if (status !== undefined) process.exitCode = status;
} catch (error) {
  process.stderr.write(`${errorReport(error)}\n`);
  process.exitCode = exitStatusOf(error);
}
