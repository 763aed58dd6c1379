// The page on the stats address in a real browser: it loads under its own security policy, its numbers move, it can be clicked
// through, and what a client sent stays text.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Browser, browserMissing } from '../helpers/browser.js';
import { boundTo } from '../helpers/stats-client.js';
import { ask, Signs, startApp, TWINS, until } from '../process/threads-client.js';

const HOSTILE = '<img/src=x/onerror=alert(1)>';

for (const twin of TWINS) {
  test(`the page shows what goes on (${twin.name})`, { skip: browserMissing() }, async () => {
    using signs = new Signs();
    const args = ['--stats', '127.0.0.1:0', '--stats-http', '--processes', '3', '--threads', '2', '--harakiri', '60'];
    await using server = await startApp(twin, args);
    const { host, port } = boundTo(server, 'stats');
    await using browser = await Browser.start();
    await browser.dress({ width: 1100, height: 1250, scheme: 'light' });
    await browser.open(`http://${host}:${port}/`);
    await browser.until(`document.querySelector('#state').textContent === 'ready'`);
    const requests = () =>
      browser.evaluate<number>(
        `Number([...document.querySelectorAll('.tile')].find((t) => t.textContent.endsWith('requests')).querySelector('b').textContent)`,
      );
    const first = await requests();
    for (let i = 0; i < 20; i++) await ask(server, 'http', '/');
    await browser.until(`document.querySelector('#tiles').textContent.includes('${first + 20}requests')`);
    // A request that runs, with markup in its address and its headers.
    const target = `/hold?${HOSTILE}&mark=${signs.path('on')}&until=${signs.path('off')}`;
    const held = connect(server.http());
    held.on('error', () => {});
    held.write(
      `GET ${target} HTTP/1.1\r\nHost: a\r\nX-Evil: ${HOSTILE}<script>alert(2)</script>\r\nCookie: a=b\r\n\r\n`,
    );
    await until('the request is running', () => signs.count('on') === 1);
    await browser.until(`document.querySelector('#workers').textContent.includes('onerror')`);
    const row = await browser.evaluate<string>(
      `'#' + [...document.querySelectorAll('summary')].find((s) => s.textContent.includes('onerror')).id`,
    );
    await browser.click(row);
    await browser.until(`document.querySelector('${row}').parentElement.open`);
    await browser.until(`document.querySelector('${row}').parentElement.textContent.includes('HTTP_X_EVIL=<img')`);
    assert.equal(await browser.evaluate('document.querySelectorAll("main img, main script").length'), 0);
    assert.match(await browser.evaluate('document.body.innerText'), /HTTP_COOKIE=\*\*\*/);
    // It stays open while numbers move, and its request grows older.
    const age = `document.querySelector('${row} .doing').textContent`;
    const young = await browser.evaluate<string>(age);
    await browser.until(`${age} !== ${JSON.stringify(young)}`);
    assert.equal(await browser.evaluate(`document.querySelector('${row}').parentElement.open`), true);
    server.kill('SIGHUP');
    await browser.until(`document.querySelector('#events').textContent.includes('reload')`);
    await browser.until(`document.querySelectorAll('#latency line.reload').length > 0`);
    // Frozen, it asks for nothing.
    await browser.click('#freeze');
    await browser.until(`document.querySelector('#freeze').textContent === 'Go on'`);
    await browser.click('#freeze');
    signs.give('off');
    await browser.until(`document.querySelectorAll('.doing').length === 3 && ${age} === ''`);
    assert.deepEqual(browser.complaints, []);
    server.kill('SIGKILL');
    await browser.until(`document.querySelector('#state').textContent === 'lost'`);
    held.destroy();
    // The next server counts from 0 and cannot load its application: the page goes on with it.
    const broken = ['--module', 'missing:application', '--stats', `${host}:${port}`, '--stats-http'];
    await using next = await startApp(twin, broken);
    await browser.until(`document.querySelector('#state').textContent === 'no-app'`);
    assert.equal(await requests(), 0);
    await ask(next, 'http', '/');
    await browser.until(`document.querySelector('#tiles').textContent.includes('1requests')`);
    assert.equal(await browser.evaluate('document.querySelectorAll("summary").length'), 1);
    assert.match(await browser.evaluate('document.querySelector("#about").textContent'), /^pid \d+, up /);
    // On a phone nothing is wider than the screen.
    await browser.dress({ width: 360, height: 740, scheme: 'dark' });
    assert.ok((await browser.evaluate<number>('document.documentElement.scrollWidth')) <= 360);
  });
}
