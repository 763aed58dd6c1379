// nginx in front of the peers: one of it, a location for each, the settings that nginx' documentation gives for each way.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Started, startChild } from '../load/processes.js';
import { HOST } from './http.js';

/** How nginx passes a request on. */
export type Way = 'uwsgi-unix' | 'uwsgi-tcp' | 'proxy';

export interface Upstream {
  /** The location, without its slash. */
  readonly name: string;
  readonly way: Way;
  readonly port: number;
  readonly socketPath: string;
  /** `proxy`: connections to it are kept. */
  readonly isKept: boolean;
}

const UWSGI_PARAMS = '/etc/nginx/uwsgi_params';
const KEPT_CONNECTIONS = 64;

export function nginxMissing(): string | undefined {
  return existsSync(UWSGI_PARAMS) ? undefined : 'nginx is not installed';
}

function location({ name, way, port, socketPath, isKept }: Upstream): string {
  if (way !== 'proxy') {
    const to = way === 'uwsgi-unix' ? `unix:${socketPath}` : `${HOST}:${port}`;
    // PATH_INFO, which is $document_uri, as if the application were at the root.
    return `location /${name}/ { rewrite ^/${name}(/.*)$ $1 break; include ${UWSGI_PARAMS}; uwsgi_pass ${to}; }`;
  }
  const kept = isKept ? 'proxy_http_version 1.1; proxy_set_header Connection "";' : '';
  return `location /${name}/ { ${kept} proxy_pass http://${name}/; }`;
}

function upstream({ name, port, isKept }: Upstream): string {
  return `upstream ${name} { server ${HOST}:${port}; ${isKept ? `keepalive ${KEPT_CONNECTIONS};` : ''} }`;
}

/** Starts nginx in front of all of them; resolves with its port. */
export async function startNginx(
  folder: string,
  upstreams: readonly Upstream[],
): Promise<{ child: Started; port: number }> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; daemon off;
events { worker_connections 4096; }
http { access_log off; ${temporary.join(' ')}
  ${upstreams
    .filter(({ way }) => way === 'proxy')
    .map(upstream)
    .join('\n  ')}
  server { listen ${HOST}:${port}; keepalive_requests 100000000; client_max_body_size 0;
    ${upstreams.map(location).join('\n    ')}
  }
}
`,
  );
  return { child: startChild(['nginx', '-e', `${folder}/nginx.log`, '-c', file], {}, folder), port };
}
