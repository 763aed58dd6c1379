// Attempts to get at what is not below a static root, over HTTP and over uwsgi, whose paths come as any peer writes them.
// Each must end with the application's answer or a refusal, and none with a byte of a file that is not served.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { descriptorsBackTo, idleDescriptors } from '../helpers/process-status.js';
import { packet, requestVars, UwsgiClient } from '../helpers/uwsgi-client.js';
import { get, SECRET, Site, type SiteRequest } from './static-site.js';
import { type DisposableServer, ENGINES, SOCKET_KINDS } from './threads-client.js';

const LONG = 'a'.repeat(5000);

/** Paths below `/m`, which stands for the folder `www`; `secret.txt` lies beside it. */
const PATHS: readonly string[] = [
  '/../secret.txt',
  '/../../secret.txt',
  '/./../secret.txt',
  '/sub/../../secret.txt',
  '/sub/../../www-private/secret.txt',
  '/..//secret.txt',
  '//../secret.txt',
  '/%2e%2e/secret.txt',
  '/%2E%2E/secret.txt',
  '/.%2e/secret.txt',
  '/%2e./secret.txt',
  '/%2e%2e%2fsecret.txt',
  '/..%2fsecret.txt',
  '/..%2Fsecret.txt',
  '/sub%2f..%2f..%2fsecret.txt',
  '/%252e%252e/secret.txt',
  '/%252e%252e%252fsecret.txt',
  '/..%252fsecret.txt',
  '/%25252e%25252e/secret.txt',
  '/..%5csecret.txt',
  '/..%5Csecret.txt',
  '/..\\secret.txt',
  '/sub\\..\\..\\secret.txt',
  '/%5c%2e%2e%5csecret.txt',
  '/..%c0%afsecret.txt',
  '/%c0%ae%c0%ae/secret.txt',
  '/%e0%80%ae%e0%80%ae/secret.txt',
  '/%uff0e%uff0e/secret.txt',
  '/..%ef%bc%8fsecret.txt',
  '/%ef%bc%8e%ef%bc%8e/secret.txt',
  '/..;/secret.txt',
  '/..%00/secret.txt',
  '/../secret.txt%00.txt',
  '/hello.txt%00/../../secret.txt',
  '/%00',
  '/..%0a/secret.txt',
  '/..%0d%0a/secret.txt',
  '/..%09/secret.txt',
  '/..%20/secret.txt',
  '/.../secret.txt',
  '/..../secret.txt',
  '/-private/secret.txt',
  '/../www-private/secret.txt',
  '-private/secret.txt',
  '/link-file',
  '/link-folder/secret.txt',
  '/link-beside/secret.txt',
  '/link-etc/passwd',
  '/link-proc/environ',
  '/link-proc/root/etc/passwd',
  '/link-proc/cwd/secret.txt',
  '/link-loop',
  '/link-loop/a',
  '/link-chain',
  '/link-device',
  '/sub/link-up/../secret.txt',
  '/link-index/',
  '/link-index',
  '/link-gz.txt',
  '/fifo',
  '/socket',
  '/sub/none/../../../secret.txt',
  '/proc/self/environ',
  '//etc/passwd',
  '/file:///etc/passwd',
  '/~root/.bashrc',
  '/$HOME/.bashrc',
  '/C:/windows/win.ini',
  '/C:%5Cwindows%5Cwin.ini',
  '/hello.txt::$DATA',
  `/${LONG}`,
  `/${'sub/'.repeat(1000)}index.html`,
  `/${'../'.repeat(1000)}etc/passwd`,
  `/${'%2e%2e/'.repeat(500)}etc/passwd`,
];

/** Whole paths. */
const ROOTS: readonly string[] = [
  '/../secret.txt',
  '/m/../../secret.txt',
  '/%2e%2e/%2e%2e/etc/passwd',
  '//etc/passwd',
  '/m../secret.txt',
  '/m..%2fsecret.txt',
  '/m%2f..%2f..%2fsecret.txt',
];

const ATTEMPTS: readonly string[] = [...PATHS.map((path) => `/m${path}`), ...ROOTS];

/** What the files hold that are asked for. */
const LEAKS = [SECRET, 'root:x:0', 'FASTWSGI_MARK=', '[boot loader]'];

for (const twin of ENGINES) {
  describe(`attempts to leave a static root on the ${twin.name} engines`, () => {
    const site = new Site();
    const plug = createServer();
    let server: DisposableServer;
    let descriptors = 0;

    before(async () => {
      site.link('../secret.txt', 'www/link-file');
      site.link('..', 'www/link-folder');
      site.link('../www-private', 'www/link-beside');
      site.link('/etc', 'www/link-etc');
      site.link('/proc/self', 'www/link-proc');
      site.link('link-loop', 'www/link-loop');
      site.link('link-file', 'www/link-chain');
      site.link('/dev/zero', 'www/link-device');
      site.link('../..', 'www/sub/link-up');
      site.write('www/link-index/x', '');
      site.link('../../secret.txt', 'www/link-index/index.html');
      site.link('../secret.txt', 'www/link-gz.txt.gz');
      execFileSync('mkfifo', [site.path('www/fifo')]);
      await new Promise<void>((resolve) => plug.listen(site.path('www/socket'), resolve));
      const options = [
        '--static-map',
        '/m=www',
        '--check-static',
        'www',
        '--static-index',
        'index.html',
        '--static-gzip-all',
      ];
      server = await site.serve({ ...twin, env: { ...twin.env, FASTWSGI_MARK: 'here' } }, options);
      // What is opened once, with the first requests, is open from then on.
      for (const kind of SOCKET_KINDS) for (const path of ['/hello.txt', '/none']) await get(server, kind, path);
      descriptors = await idleDescriptors(server.pid);
    });

    after(async () => {
      plug.close();
      await server[Symbol.asyncDispose]();
      site[Symbol.dispose]();
    });

    const refused = async (what: SiteRequest, kind: 'http' | 'uwsgi') => {
      const answer = await get(server, kind, what);
      const name = JSON.stringify(what.path.slice(0, 100));
      if (answer === undefined) return;
      const text = `${[...answer.headers].join()} ${answer.body.toString('latin1')}`;
      for (const leak of LEAKS) assert.ok(!text.includes(leak), `${name} leaks ${leak}`);
      assert.ok(
        answer.status === 400 || answer.status === 431 || answer.headers.has('x-application'),
        `${name}: ${answer.status}`,
      );
      return true;
    };

    /** uWebSockets.js closes without a word where the others answer 400; most attempts have to come to an answer. */
    const allRefused = async (kind: 'http' | 'uwsgi') => {
      let answered = 0;
      for (const path of ATTEMPTS) {
        if (await refused({ path, headers: { 'Accept-Encoding': 'gzip, br' } }, kind)) answered++;
      }
      assert.ok(answered >= ATTEMPTS.length - 5, `${answered} were answered`);
    };

    test(`${ATTEMPTS.length} of them over HTTP`, async () => {
      assert.ok(ATTEMPTS.length >= 50);
      await allRefused('http');
    });

    test(`${ATTEMPTS.length} of them over uwsgi, decoded as a web server would`, async () => {
      await allRefused('uwsgi');
    });

    test('a PATH_INFO that is none', async () => {
      for (const path of [
        '',
        'secret.txt',
        '../secret.txt',
        'm/hello.txt',
        '*',
        '\0',
        '/m\0/hello.txt',
        '/m/hello.txt\0',
      ]) {
        const vars = requestVars({}).map(([key, value]) => [key, key === 'PATH_INFO' ? path : value] as const);
        const client = new UwsgiClient(server.uwsgi());
        await client.send(packet(vars));
        assert.match((await client.outcome).bytes.toString('latin1'), /^HTTP\/1\.1 404 /, JSON.stringify(path));
      }
    });

    test('and the server serves on, has no file open, and says what was refused', async () => {
      assert.equal((await get(server, 'http', '/m/hello.txt'))?.body.toString(), 'hello\n');
      assert.equal((await get(server, 'uwsgi', '/hello.txt'))?.body.toString(), 'hello\n');
      await server.waitForLog(/^\[static\] security error: \S+\/secret\.txt is not under \S+\/www or a safe path$/m);
      await descriptorsBackTo(server.pid, descriptors);
    });
  });
}
