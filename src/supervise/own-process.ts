// What the configuration makes of the process itself: its pidfiles, its user, its name. For the guard, or for the server
// where there is none.
import { resolve } from 'node:path';
import { type Account, accountOf } from '../config/accounts.js';
import { applicationFolder } from '../config/application-folder.js';
import type { Configuration } from '../config/configuration.js';
import { logFilesOf } from '../config/log-file.js';
import { giveLogFile } from '../system/log-file.js';
import { Pidfile } from '../system/pidfile.js';
import { becomeUser } from '../system/privileges.js';

/** Three steps in a process's life: `claim` before it touches anything, `settle` when its sockets are bound, `leave`. */
export class OwnProcess {
  private readonly configuration: Configuration;
  private readonly log: (line: string) => void;
  private readonly beforeDrop: Pidfile[] = [];
  private readonly afterDrop: Pidfile[] = [];
  /** Removed at the end: always the safe one, the others by `vacuum`. */
  private readonly removed: Pidfile[] = [];
  private account: Account | undefined;

  constructor(configuration: Configuration, log: (line: string) => void) {
    this.configuration = configuration;
    this.log = log;
    const folder = applicationFolder(configuration);
    const { cwd, pidfile, pidfile2, safePidfile, vacuum } = configuration;
    if (pidfile !== undefined) this.beforeDrop.push(new Pidfile('pidfile', resolve(cwd, pidfile)));
    if (pidfile2 !== undefined) this.afterDrop.push(new Pidfile('pidfile2', resolve(folder, pidfile2)));
    if (vacuum) this.removed.push(...this.beforeDrop, ...this.afterDrop);
    if (safePidfile === undefined) return;
    const safe = new Pidfile('safe-pidfile', resolve(folder, safePidfile));
    this.beforeDrop.push(safe);
    this.removed.push(safe);
  }

  /** Looks before anything is changed. Throws a FastwsgiError: another server's pidfile, a user whom we cannot become. */
  claim(): void {
    this.account = accountOf(this.configuration);
    for (const pidfile of [...this.beforeDrop, ...this.afterDrop]) pidfile.check();
    if (this.configuration.procname !== undefined) process.title = this.configuration.procname;
  }

  /** Writes the pidfiles, and becomes the user between them. Throws a FastwsgiError. */
  settle(): void {
    for (const pidfile of this.beforeDrop) pidfile.write();
    if (this.account !== undefined) {
      const { uid, gid } = this.account;
      if (process.geteuid?.() === 0) for (const file of logFilesOf(this.configuration)) giveLogFile(file, uid, gid);
      becomeUser(this.account);
    } else if (process.geteuid?.() === 0) {
      this.log('*** WARNING: you are running fastwsgi-ts as root !!! (set uid and gid) ***');
    }
    for (const pidfile of this.afterDrop) pidfile.write();
  }

  /** Removes what `settle` has written, as far as it is to be removed. */
  leave(): void {
    for (const pidfile of this.removed) pidfile.remove(this.log);
  }
}
