// An application of kind node that opens a server of its own, for what only a whole server shows.
import { createServer } from 'node:http';

const seen: string[] = [];

createServer((req, res) => {
  const url = req.url ?? '';
  const name = new URL(url, 'http://a').searchParams.get('name') ?? '';
  res.on('close', () => seen.push(`${name} ${res.writableFinished ? 'finished' : 'cut'}`));
  req.on('aborted', () => seen.push(`${name} aborted`));
  if (url === '/seen') res.end(JSON.stringify(seen));
  else if (url.startsWith('/throw')) throw new Error('before the head');
  else if (url.startsWith('/half')) {
    res.write('half');
    setTimeout(() => res.destroy(new Error('after the head')), 20);
  } else if (url.startsWith('/never')) res.write('begun');
  else if (url.startsWith('/large')) res.end(Buffer.alloc(20_000_000, 'large '));
  else if (url.startsWith('/read')) {
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    req.on('end', () => res.end(String(bytes)));
  } else res.end(`${req.method} ${url}`);
}).listen(3000);
