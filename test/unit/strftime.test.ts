// Dates as strftime(3) writes them: compared with what date(1) says of the same second, in several time zones.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { CTIME_FORMAT, compileDate } from '../../dist/observe/strftime.js';

const ZONE = process.env.TZ;
after(() => {
  process.env.TZ = ZONE ?? '';
  if (ZONE === undefined) delete process.env.TZ;
});

/** All that both know, but %Z. */
const LETTERS = 'aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYz%';
const FORMAT = [...LETTERS].map((letter) => `%${letter}`).join('|');

/** The turns of years and weeks, of summer time, midnight, noon. */
const TIMES = [
  ...[0, 1, 951_782_400, 1_766_371_200, 1_767_225_599, 1_767_225_600, 4_102_444_799],
  ...[1_774_745_999, 1_774_746_000, 1_792_889_999, 1_792_890_000, 1_800_014_399],
  ...Array.from({ length: 60 }, (_, i) => 1_000_000_000 + i * 5_555_555),
];

for (const zone of ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Auckland']) {
  test(`every conversion is date(1)’s, in ${zone}`, () => {
    process.env.TZ = zone;
    const env = { ...process.env, TZ: zone, LC_ALL: 'C' };
    const format = compileDate(FORMAT);
    const input = TIMES.map((seconds) => `@${seconds}`).join('\n');
    const output = execFileSync('date', [`+${FORMAT}!`, '--file=-'], { env, input, encoding: 'utf8' });
    const expected = output.split('!\n').slice(0, -1);
    assert.equal(expected.length, TIMES.length);
    for (const [i, seconds] of TIMES.entries())
      assert.equal(format(seconds * 1000 + 999), expected[i], String(seconds));
  });
}

test('the name of the zone is one, what is no conversion stays, and E and O change nothing', () => {
  process.env.TZ = 'UTC';
  assert.equal(compileDate('%Z')(0), 'UTC');
  assert.equal(compileDate('100% %Q %')(0), '100% %Q %');
  assert.equal(compileDate('%Ey-%Om')(0), '70-01');
  assert.equal(compileDate(CTIME_FORMAT)(1000), 'Thu Jan  1 00:00:01 1970');
});
