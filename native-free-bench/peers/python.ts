// Flask and Django behind nginx on a unix socket, with 2 workers each: under us, under uWSGI 2.0 (its python3 plugin) and under
// gunicorn (sync workers). Requests per second and CPU time per request of the whole process tree, medians of short rounds in
// alternating order, logging off. Needs nginx, wrk, uwsgi, gunicorn, and a Python that has them all, Flask and Django.
//   node build-bench/peers/python.js [--rounds 5] [--seconds 2] [--only flask] [--python /usr/bin/python3]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../load/processes.js';
import { answerOf, type Contestant, type Figures, report, root, rounds, Stage, WORKERS } from './contest.js';

const SAMPLES = join(root, 'config', 'python');
const APPLICATIONS = {
  flask: { folder: join(SAMPLES, 'flask'), module: 'app:app', pages: { 'Flask hello': '/' } },
  django: {
    folder: join(SAMPLES, 'site'),
    module: 'mysite.wsgi:application',
    pages: { 'Django hello': '/', 'Django, a template with 50 rows': '/table' },
  },
} as const;
type Framework = keyof typeof APPLICATIONS;

async function contest(framework: Framework, python: string, count: number, seconds: number): Promise<void> {
  const { folder, module, pages } = APPLICATIONS[framework];
  const stage = new Stage();
  const socket = (name: string) => join(stage.folder, `${name}.sock`);
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const env = { SITE_DATA: stage.folder, PYTHONDONTWRITEBYTECODE: '1' };
  const home = join(python, '..', '..');
  const common = ['--chdir', folder, '--module', module, '--processes', String(WORKERS), '--disable-logging'];
  const listening = (name: string) => ['--listen', '1024', '--chmod-socket=666', '--socket', socket(name)];
  try {
    const cli = join(root, 'dist', 'cli.js');
    const ours = stage.start(process.execPath, [cli, ...common, '--home', home, ...listening('ours')], env);
    const theirs = stage.start('uwsgi', ['--plugin', 'python3', '--master', ...common, ...listening('uwsgi')], env);
    const bind = ['--bind', `unix:${socket('gunicorn')}`, '--umask', '0', '--chdir', folder];
    const gunicorn = stage.start(
      python,
      ['-m', 'gunicorn', '--workers', String(WORKERS), '--worker-class', 'sync', ...bind, module],
      env,
    );
    const uwsgiPass = (name: string) => `include /etc/nginx/uwsgi_params; uwsgi_pass unix:${socket(name)};`;
    // As gunicorn's documentation has it (docs/source/deploy.rst).
    const proxyPass =
      'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; ' +
      'proxy_set_header Host $http_host; proxy_redirect off; proxy_pass http://gunicorn;';
    const passes = [uwsgiPass('ours'), uwsgiPass('uwsgi'), proxyPass];
    stage.startNginx([
      `upstream gunicorn { server unix:${socket('gunicorn')} fail_timeout=0; }`,
      ...passes.map((pass, i) => `server { listen 127.0.0.1:${ports[i]}; location / { ${pass} } }`),
    ]);
    for (const [name, path] of Object.entries(pages)) {
      const url = (i: 0 | 1 | 2) => `http://127.0.0.1:${ports[i]}${path}`;
      const contestants: Contestant[] = [
        { name: 'fastwsgi-ts', url: url(0), process: ours },
        { name: 'uWSGI', url: url(1), process: theirs },
        { name: 'gunicorn', url: url(2), process: gunicorn },
      ];
      await proveEqual(contestants);
      const figures = rounds(contestants, count, seconds);
      console.log(`${name}:`);
      report(figures, figures[1] as Figures);
    }
  } finally {
    await stage.end();
  }
}

/** Throws unless they all answer the same: status, headers but for the date, body. */
async function proveEqual(contestants: readonly Contestant[]): Promise<void> {
  const answers: string[] = [];
  for (const contestant of contestants) {
    const answer = await answerOf(contestant);
    const headers = [...answer.headers].filter(([name]) => name !== 'date');
    answers.push(JSON.stringify([answer.status, headers, await answer.text()]));
  }
  if (new Set(answers).size !== 1) throw new Error(`The answers differ:\n${answers.join('\n')}`);
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
for (const framework of Object.keys(APPLICATIONS) as Framework[]) {
  if (values.only !== undefined && values.only !== framework) continue;
  await contest(framework, values.python, Number(values.rounds), Number(values.seconds));
}
