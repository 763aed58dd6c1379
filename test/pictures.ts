// Takes the pictures of the documentation: the stats page in a browser, and `top` in a terminal. `node build-test/pictures.js docs/images`, after a build.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Browser } from './helpers/browser.js';
import { boundTo } from './helpers/stats-client.js';
import { Terminal } from './helpers/terminal.js';
import { ask, startApp, TWINS, type Twin } from './process/threads-client.js';

const CLI = join(import.meta.dirname, '..', 'dist', 'cli.js');
const LOAD_MS = 55_000;
const LOOKS = [
  ['light', { width: 1100, height: 1150, scheme: 'light' }],
  ['dark', { width: 1100, height: 1150, scheme: 'dark' }],
  ['phone', { width: 390, height: 1200, scheme: 'light', isPhone: true }],
] as const;

const folder = process.argv[2] ?? 'docs/images';
mkdirSync(folder, { recursive: true });
const args = ['--stats', '127.0.0.1:0', '--stats-http', '--processes', '3', '--threads', '2', '--harakiri', '20'];
await using server = await startApp(TWINS[0] as Twin, args);
await using browser = await Browser.start();
const { host, port } = boundTo(server, 'stats');
await browser.dress(LOOKS[0][1]);
await browser.open(`http://${host}:${port}/`);
const endMs = performance.now() + LOAD_MS;
const clients = [1, 2, 3].map(async (client) => {
  for (let i = 0; performance.now() < endMs + 15_000; i++) {
    await ask(server, client === 1 ? 'uwsgi' : 'http', i % 9 === 0 ? '/nowhere' : '/');
    await sleep(Math.random() * 8 * client);
  }
});
const long = () => void ask(server, 'http', '/hold?report=2026&until=never');
await sleep(8000);
server.kill('SIGHUP');
await sleep(9000);
void ask(server, 'http', '/die?by=exit');
await sleep(4000);
void ask(server, 'uwsgi', '/stuck?by=loop');
await sleep(endMs - 10_000 - performance.now());
long();
await sleep(endMs - performance.now());
using terminal = new Terminal([process.execPath, CLI, 'top', `${host}:${port}`]);
terminal.resize(24, 118);
await sleep(4000);
const frame = terminal.output.split('\x1b[H').at(-2) ?? '';
// biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own
writeFileSync(join(folder, 'top.txt'), `${frame.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replace(/ *\r*\n/g, '\n')}\n`);
for (const [name, look] of LOOKS) {
  await browser.dress(look);
  // The charts are drawn in their new size with the next look.
  await sleep(2500);
  await browser.evaluate('window.scrollTo(0, 0)');
  writeFileSync(join(folder, `stats-page-${name}.png`), await browser.screenshot());
}
await Promise.all(clients);
