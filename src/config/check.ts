// `--check`: what the configuration names is there and may be used. It looks, and starts, binds and changes nothing.
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorMessage } from '../base/errors.js';
import { groupId, mayListenOn, userAccount, userId } from './accounts.js';
import type { SocketAddress } from './address.js';
import { formatSocketAddress } from './address.js';
import { applicationFolder } from './application-folder.js';
import { readTlsOptions } from './certificate.js';
import type { Configuration } from './configuration.js';
import { addressesOf } from './https-address.js';
import { logFileOf, logFilesOf } from './log-file.js';
import { mountsOf } from './mounts.js';
import { OperatorFiles } from './operator-files.js';
import { findOption, type OptionName } from './options.js';
import { COMMAND_LINE, type Place, Report } from './setting.js';

/** What nobody set stands nowhere. */
const NOWHERE: Place = { file: 'in the configuration', line: 0, column: 0, text: '' };

/** What a module's name may end with, in the order in which they are looked for. */
const MODULE_ENDINGS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.py'];

/** The same, or what makes a folder a package. */
const PACKAGE_ENDINGS = [
  ...MODULE_ENDINGS,
  '/package.json',
  '/__init__.py',
  ...MODULE_ENDINGS.map((ending) => `/index${ending}`),
];

/** Throws a FastwsgiError that lists everything wrong; returns if nothing is. */
export function checkConfiguration(configuration: Configuration): void {
  const check = new Check(configuration);
  check.application();
  check.sockets();
  check.accounts();
  check.files();
  check.staticFiles();
  check.report.throwIfFailed();
}

class Check {
  readonly report = new Report();
  readonly #configuration: Configuration;
  /** Where the application is looked for, and what is opened after chdir. */
  readonly #directory: string;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
    this.#directory = applicationFolder(configuration);
  }

  application(): void {
    const { chdir, chdir2, home, moduleName, wsgiFile, mounts } = this.#configuration;
    if (chdir !== undefined) this.#folder('chdir', this.#directory);
    if (chdir2 !== undefined) this.#folder('chdir2', path.resolve(this.#directory, chdir2));
    if (home !== undefined) this.#folder('home', path.resolve(this.#directory, home));
    if (wsgiFile !== undefined) this.#readable('wsgi-file', path.resolve(this.#directory, wsgiFile));
    if (moduleName !== undefined) this.#module('module', moduleName);
    for (const { module, file } of mountsOf(mounts, undefined)) {
      if (file !== undefined) this.#readable('mount', path.resolve(this.#directory, file));
      else this.#module('mount', module?.replace(/:.*$/s, '') ?? '');
    }
    if (wsgiFile === undefined && moduleName === undefined && mounts.length === 0) {
      this.report.problem(NOWHERE, 'No application', 'set module or wsgi-file');
    }
  }

  sockets(): void {
    const { sockets, httpSockets, httpsSockets, redirectSockets, master, httpEngine, proxyProtocol } =
      this.#configuration;
    if (master && httpEngine === 'uws' && httpSockets.length > 0) {
      this.#bad('http-engine', 'uWebSockets.js cannot take the socket that the guard (master) has bound');
    }
    if (sockets.length + httpSockets.length + httpsSockets.length === 0) {
      this.report.problem(NOWHERE, 'No socket', 'set socket or http');
    }
    if (proxyProtocol && httpEngine === 'uws')
      this.#bad('http-engine', 'uWebSockets.js cannot read the PROXY protocol');
    const files = new OperatorFiles();
    for (const line of httpsSockets) {
      try {
        readTlsOptions(line, this.#configuration.cwd, (path) => files.read(path));
      } catch (error) {
        this.#bad('https', errorMessage(error));
      }
    }
    const seen = new Set<string>();
    const all: readonly (readonly [OptionName, readonly SocketAddress[]])[] = [
      ['socket', sockets],
      ['http', httpSockets],
      ['https', addressesOf(httpsSockets)],
      ['http-to-https', addressesOf(redirectSockets)],
    ];
    for (const [option, address] of all.flatMap(([name, addresses]) =>
      addresses.map((each) => [name, each] as const),
    )) {
      const text = formatSocketAddress(address);
      if (seen.has(text) && !(address.kind === 'tcp' && address.port === 0)) this.#bad(option, `${text} is used twice`);
      seen.add(text);
      if (address.kind === 'unix') this.#unixSocket(option, address);
      else if (address.kind === 'tcp' && !mayListenOn(address.port)) {
        this.#bad(option, `only root may listen on port ${address.port}`);
      }
    }
  }

  accounts(): void {
    const { uid, gid, chownSocket } = this.#configuration;
    const [owner, group] = chownSocket?.split(':') ?? [];
    const user = this.#account('uid', 'user', uid, userId);
    const userGroup = this.#account('gid', 'group', gid, groupId);
    this.#account('chown-socket', 'user', owner, userId);
    this.#account('chown-socket', 'group', group, groupId);
    if (process.getuid?.() === 0) {
      if (user !== undefined && gid === undefined && userAccount(uid) === undefined) {
        this.#bad('uid', `no user has the id ${uid}, so set gid too`);
      }
      return;
    }
    const ownerId = owner === undefined ? undefined : userId(owner);
    if (ownerId !== undefined && ownerId !== process.getuid?.()) {
      this.#bad('chown-socket', 'cannot chown() as non-root user');
    }
    if (user !== undefined && user !== process.getuid?.()) this.#bad('uid', 'cannot setuid() as non-root user');
    if (userGroup !== undefined && userGroup !== process.getgid?.()) {
      this.#bad('gid', 'cannot setgid() as non-root user');
    }
  }

  files(): void {
    const { pidfile, pidfile2, safePidfile, masterFifo, logto, logto2, daemonize, daemonize2 } = this.#configuration;
    const written: readonly (readonly [OptionName, string | undefined])[] = [
      ['pidfile', pidfile],
      ['logto', logto],
      ['logto2', logto2],
      ['daemonize', daemonize],
      ['daemonize2', daemonize2],
    ];
    for (const [option, file] of written) {
      if (file !== undefined) this.#writable(option, path.resolve(this.#configuration.cwd, file));
    }
    const inDirectory: readonly (readonly [OptionName, string | undefined])[] = [
      ['pidfile2', pidfile2],
      ['safe-pidfile', safePidfile],
      ['master-fifo', masterFifo],
    ];
    for (const [option, file] of inDirectory) {
      if (file !== undefined) this.#writable(option, path.resolve(this.#directory, file));
    }
    const ofLogto = logFileOf(this.#configuration);
    for (const file of logFilesOf(this.#configuration)) if (file !== ofLogto) this.#writable('logger', file);
  }

  staticFiles(): void {
    const { staticMaps, staticMaps2, checkStatic, staticFallbacks, mimeFiles } = this.#configuration;
    const inDirectory = (file: string) => path.resolve(this.#directory, file);
    for (const folder of checkStatic) this.#folder('check-static', inDirectory(folder));
    for (const { value } of staticMaps) this.#fileOrFolder('static-map', inDirectory(value));
    for (const { value } of staticMaps2) this.#fileOrFolder('static-map2', inDirectory(value));
    for (const { value } of staticFallbacks) if (value !== '') this.#readable('static-fallback', inDirectory(value));
    for (const file of mimeFiles) this.#readable('mimefile', inDirectory(file));
  }

  #module(option: OptionName, moduleName: string): void {
    const relative = moduleName.replaceAll('.', '/');
    const { home, pythonPath } = this.#configuration;
    const inDirectory = pythonPath.map((each) => path.resolve(this.#directory, each));
    const roots = [this.#directory, ...inDirectory, ...sitePackages(this.#directory, home)];
    const found = roots.some((root) => {
      const base = path.resolve(root, relative);
      return PACKAGE_ENDINGS.some((ending) => isFile(base + ending));
    });
    if (!found) {
      const names = `${relative}{${MODULE_ENDINGS.join(',')}}`;
      this.#bad(option, `neither ${names} nor a package's folder of that name is in ${roots.join(', ')}`);
    }
  }

  #unixSocket(option: OptionName, address: SocketAddress & { readonly kind: 'unix' }): void {
    const file = path.resolve(this.#directory, address.path);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isSocket()) this.#bad(option, `${file} exists and is no socket`);
    else this.#writable(option, file, false);
  }

  /** The folder of a file that will be made, and the file itself if it is there and will be written. */
  #writable(option: OptionName, file: string, alsoFile = true): void {
    const existing = alsoFile && isFile(file) ? file : path.dirname(file);
    if (!isFolder(path.dirname(file))) this.#bad(option, `the directory ${path.dirname(file)} does not exist`);
    else if (!may(existing, constants.W_OK)) this.#bad(option, `${existing} is not writable`);
  }

  #folder(option: OptionName, folder: string): void {
    if (!isFolder(folder)) this.#bad(option, `the directory ${folder} does not exist`);
    else if (!may(folder, constants.X_OK)) this.#bad(option, `the directory ${folder} may not be entered`);
  }

  #fileOrFolder(option: OptionName, file: string): void {
    if (isFile(file)) this.#readable(option, file);
    else this.#folder(option, file);
  }

  #readable(option: OptionName, file: string): void {
    if (!isFile(file)) this.#bad(option, `the file ${file} does not exist`);
    else if (!may(file, constants.R_OK)) this.#bad(option, `the file ${file} is not readable`);
  }

  /** The id of an account that is set; undefined if it is not, or after saying that there is none. */
  #account(
    option: OptionName,
    kind: 'user' | 'group',
    name: string | undefined,
    idOf: (name: string) => number | undefined,
  ): number | undefined {
    if (name === undefined || name === '') return undefined;
    const id = idOf(name);
    if (id === undefined) this.#bad(option, `there is no ${kind} "${name}"`);
    return id;
  }

  #bad(option: OptionName, why: string): void {
    this.report.problem(this.#placeOf(option), `Check of option "${option}" failed`, why, option);
  }

  #placeOf(option: OptionName): Place {
    const { settings } = this.#configuration;
    return settings.findLast((setting) => findOption(setting.key)?.name === option)?.place ?? COMMAND_LINE;
  }
}

function sitePackages(folder: string, home: string | undefined): readonly string[] {
  const lib = home === undefined ? undefined : path.resolve(folder, home, 'lib');
  if (lib === undefined || !isFolder(lib)) return [];
  return readdirSync(lib).map((python) => path.join(lib, python, 'site-packages'));
}

function isFolder(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function may(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}
