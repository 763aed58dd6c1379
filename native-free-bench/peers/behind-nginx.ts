// nginx in front of us and of uWSGI 2.0, on a unix socket and on TCP, hello world, logging off on both: requests per second
// and CPU time per request, in one run, in alternating order. Needs nginx, uwsgi with its python3 plugin, and wrk.
//   node build-bench/peers/behind-nginx.js [--rounds 5] [--seconds 4]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../load/processes.js';
import { answerOf, type Contestant, type Figures, report, root, rounds, Stage, WORKERS } from './contest.js';

const APPLICATION_JS = `const HEADERS = [['Content-Type', 'text/plain']];
export function application(environ, startResponse) {
  startResponse('200 OK', HEADERS);
  return ['Hello World'];
}
`;
const APPLICATION_PY = `def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'Hello World']
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '4' } },
  });
  const stage = new Stage();
  const { folder } = stage;
  try {
    stage.file('app.mjs', APPLICATION_JS);
    stage.file('app.py', APPLICATION_PY);
    const [port, ourPort, theirPort] = [await freePort(), await freePort(), await freePort()];
    const common = ['--chdir', folder, '--processes', String(WORKERS), '--disable-logging', '--listen', '1024'];
    const sockets = (name: string, tcp: number) => [
      '--chmod-socket=666',
      '--socket',
      `127.0.0.1:${tcp}`,
      '--socket',
      join(folder, `${name}.sock`),
    ];
    const cli = join(root, 'dist/cli.js');
    const ours = stage.start(process.execPath, [cli, ...common, ...sockets('ours', ourPort), '--wsgi-file', 'app.mjs']);
    const theirs = stage.start('uwsgi', [
      ...['--plugin', 'python3', '--master'],
      ...[...common, ...sockets('theirs', theirPort), '--wsgi-file', 'app.py'],
    ]);
    const pass = (name: string, to: string) =>
      `location /${name} { include /etc/nginx/uwsgi_params; uwsgi_pass ${to}; }`;
    const locations = [
      pass('ours-unix', `unix:${folder}/ours.sock`),
      pass('theirs-unix', `unix:${folder}/theirs.sock`),
      pass('ours-tcp', `127.0.0.1:${ourPort}`),
      pass('theirs-tcp', `127.0.0.1:${theirPort}`),
    ];
    stage.startNginx([`server { listen 127.0.0.1:${port}; ${locations.join('\n')} }`]);
    const url = (location: string) => `http://127.0.0.1:${port}/${location}`;
    const contestants: Contestant[] = [
      { name: 'fastwsgi-ts, unix', url: url('ours-unix'), process: ours },
      { name: 'uWSGI, unix', url: url('theirs-unix'), process: theirs },
      { name: 'fastwsgi-ts, TCP', url: url('ours-tcp'), process: ours },
      { name: 'uWSGI, TCP', url: url('theirs-tcp'), process: theirs },
    ];
    for (const contestant of contestants) {
      const text = await (await answerOf(contestant)).text();
      if (text !== 'Hello World') throw new Error(`${contestant.name} answers ${text}`);
    }
    const figures = rounds(contestants, Number(values.rounds), Number(values.seconds));
    for (let i = 0; i + 1 < figures.length; i += 2) report(figures.slice(i, i + 2), figures[i + 1] as Figures);
  } finally {
    await stage.end();
  }
}

await main();
