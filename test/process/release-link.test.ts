// Deployments that replace the directory of the application: `chdir` is a link to a release, and a reload follows it.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Folder } from './daemon-helpers.js';
import { ask, countInLog, type DisposableServer, disposable, TWINS, type Twin, until } from './threads-client.js';

/** Answers with its version and where it is; `/die` ends its thread. */
const APPLICATION = (version: string) => `
  if (${JSON.stringify(version)} === 'broken') throw new Error('this release does not load');
  exports.application = (environ, start) => {
    if (environ.PATH_INFO === '/die') process.exit(1);
    start('200 OK', []);
    return [${JSON.stringify(version)} + ' in ' + process.cwd()];
  };`;

class Releases extends Folder {
  make(version: string): void {
    mkdirSync(this.file(version));
    writeFileSync(this.file(`${version}/app.cjs`), APPLICATION(version));
    writeFileSync(this.file(`${version}/file.txt`), version);
  }

  /** As deployments do it: the link is never missing. */
  link(version: string): void {
    symlinkSync(this.file(version), this.file('next'));
    renameSync(this.file('next'), this.file('current'));
  }

  remove(version: string): void {
    rmSync(this.file(version), { recursive: true });
  }
}

function start(twin: Twin, releases: Releases, args: readonly string[] = []): Promise<DisposableServer> {
  const app = ['--chdir', releases.file('current'), '--module', 'app', '--http', '127.0.0.1:0', '--processes', '2'];
  return disposable({ args: [...app, ...twin.args, ...args], env: twin.env });
}

async function reload(server: DisposableServer, end: RegExp): Promise<void> {
  const from = server.log().length;
  server.kill('SIGHUP');
  await server.waitForLog(end, { from });
}

for (const twin of TWINS) {
  test(`a reload loads the release that the link of chdir leads to by then, ${twin.name}`, async () => {
    using releases = new Releases();
    for (const version of ['one', 'two', 'broken']) releases.make(version);
    releases.link('one');
    await using server = await start(twin, releases, ['--static-map', '/file=file.txt']);
    const answers = async () => {
      const [code, file] = await Promise.all(['/', '/file'].map((path) => ask(server, 'http', path)));
      return [code?.body, file?.body];
    };
    const of = (version: string) => [`${version} in ${releases.file(version)}`, version];
    assert.deepEqual(await answers(), of('one'));

    releases.link('two');
    // A worker that is replaced without a reload is of the same release as the others.
    await ask(server, 'http', '/die');
    await server.waitForLog(/^Respawned/m);
    assert.deepEqual(await answers(), of('one'));
    releases.remove('one');
    await reload(server, /^\*\*\* reload done/m);
    assert.deepEqual(await answers(), of('two'));

    releases.link('broken');
    await reload(server, /^\*\*\* RELOAD FAILED/m);
    assert.deepEqual(await answers(), of('two'));

    rmSync(releases.file('current'));
    await reload(
      server,
      /^Cannot change to the directory \S+current: no such file or directory\n\*\*\* RELOAD FAILED/m,
    );
    assert.deepEqual(await answers(), of('two'));
    assert.equal(await server.stop(), 0);
  });

  test(`a thread that cannot be started, for its directory is gone, is tried again until it can, ${twin.name}`, async () => {
    using releases = new Releases();
    releases.make('one');
    releases.link('one');
    await using server = await start(twin, releases);
    releases.remove('one');
    for (let i = 0; i < 2; i++) await ask(server, 'http', '/die');
    await until('both to fail', () => countInLog(server, /^DAMN ! worker \d \(pid: \d+\) died: ENOENT/) >= 2);
    releases.make('two');
    releases.link('two');
    await reload(server, /^\*\*\* reload done/m);
    assert.equal((await ask(server, 'http', '/')).body, `two in ${releases.file('two')}`);
    assert.equal(await server.stop(), 0);
  });
}
