#!/usr/bin/env node
// The command line: reads the configuration, runs the server until a signal ends it, and turns errors into one printed
// message and a documented exit status.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FastwsgiError } from './base/errors.js';
import type { SocketAddress } from './config/address.js';
import { checkConfiguration } from './config/check.js';
import { parseCommandLine } from './config/command-line.js';
import type { Configuration } from './config/configuration.js';
import { renderHelp } from './config/help.js';
import { renderOptionsDocument } from './config/options-doc.js';
import { showConfig } from './config/show.js';
import { VERSION } from './config/version.js';
import { Log } from './observe/log.js';
import { ctime } from './observe/request-line.js';
import { encodePing, parsePingReply } from './protocol/uwsgi-encoder.js';
import { logFileOf, Server } from './server.js';

const PING_TIMEOUT_MS = 3000;
const LOG_CLOSE_MS = 1000;

async function main(): Promise<number | undefined> {
  const command = parseCommandLine(process.argv.slice(2), process.env, process.cwd());
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
    case 'signal':
      throw new FastwsgiError(
        'ERR_OPTION',
        `--${command.action} has no effect yet in this version: send the signal with kill`,
      );
    case 'serve':
      await serve(command.configuration);
      return undefined;
    default:
      return command satisfies never;
  }
}

/** What the server would say at start, to standard error: it may be why a check fails. */
function printNotices({ notices }: Configuration): void {
  for (const { text } of notices) process.stderr.write(`${text}\n`);
}

/** Runs the server. The process ends with the last thread, or with the exit status of what went wrong. */
async function serve(configuration: Configuration): Promise<void> {
  const log = new Log({ file: logFileOf(configuration) });
  log.line(`*** Starting fastwsgi-ts ${VERSION} (Node ${process.version}) on [${ctime(Date.now())}] ***`);
  // Of the process and not of the threads alone: TZ, for one, is read from there.
  Object.assign(process.env, configuration.env);
  const end = async (status: number) => {
    // Whoever reads the log may have stopped reading.
    await Promise.race([log.close(), sleep(LOG_CLOSE_MS)]);
    process.exit(status);
  };
  const fail = (error: unknown) => {
    log.line(messageOf(error));
    server.destroy();
    void server.close().finally(() => end(statusOf(error)));
  };
  const server = new Server(configuration, log, { onFatal: fail });
  let signals = 0;
  const stop = (signal: NodeJS.Signals) => {
    signals++;
    log.line(signals === 1 ? `${signal}: goodbye to fastwsgi-ts` : `${signal} again: ending at once`);
    if (signals > 1) server.destroy();
    void server.close().then(() => end(0), fail);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, stop);
  try {
    await server.listen();
    log.line(`*** fastwsgi-ts is running (pid: ${process.pid}, workers: ${configuration.processes}) ***`);
  } catch (error) {
    // Stopped while it started: whoever asked for that ends the process.
    if (signals === 0) fail(error);
  }
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

function messageOf(error: unknown): string {
  if (error instanceof FastwsgiError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function statusOf(error: unknown): number {
  return error instanceof FastwsgiError ? error.exitStatus : 70;
}

try {
  const status = await main();
  if (status !== undefined) process.exitCode = status;
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = statusOf(error);
}
