// Development: a changed source file makes new workers; a broken one is told with its line, and the old ones stay.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ask, disposable, TWINS, until } from './threads-client.js';

for (const twin of TWINS) {
  describe(`reload-on-change, ${twin.name}`, () => {
    test('follows the files of the application, also those it imports', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'reload-on-change-'));
      const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
      write('package.json', '{"type": "module"}');
      write('text.js', "export const text = 'first';");
      write('app.js', "import { text } from './text.js'; export default { fetch: () => new Response(text) };");
      try {
        await using server = await disposable({
          args: [
            '--chdir',
            folder,
            '--module',
            'app',
            '--http',
            '127.0.0.1:0',
            '--reload-on-change',
            ...twin.args.slice(2),
          ],
          env: twin.env,
        });
        const body = async () => (await ask(server, 'http', '/')).body;
        assert.equal(await body(), 'first');
        write('text.js', "export const text = 'second';");
        await until('the second text is there', async () => (await body()) === 'second');
        const from = server.log().length;
        write('text.js', 'export const text = ;');
        await server.waitForLog(/Unexpected token ';' \(.*text\.js:1\)/, { from });
        await server.waitForLog(/RELOAD FAILED: the old workers stay/, { from });
        assert.equal(await body(), 'second');
        write('text.js', "export const text = 'third';");
        await until('the third text is there', async () => (await body()) === 'third');
        assert.equal(await server.stop(), 0);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
}
