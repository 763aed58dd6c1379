// What is remembered between requests is bounded, however many names a client makes up.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readVars } from '../../dist/protocol/environ-vars.js';
import { checkFraming, FRAMING, FramingCheck } from '../../dist/protocol/request-framing.js';
import { encodePacket } from '../../dist/protocol/uwsgi-encoder.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapGrowth(work: () => void): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  work();
  collectGarbage();
  return process.memoryUsage().heapUsed - before;
}

const BYTES_MAX = 4 * 1024 * 1024;

describe('memory', () => {
  it('is not filled by packets whose keys are all different', () => {
    const growth = heapGrowth(() => {
      for (let request = 0; request < 2000; request++) {
        const packet = encodePacket(Array.from({ length: 100 }, (_, i) => [`HTTP_X_${request}_${i}`, 'v']));
        readVars(packet, 4, packet.length, Object.create(null));
      }
    });
    assert.ok(growth < BYTES_MAX, `${growth} bytes`);
  });

  it('is not filled by packets that begin with a known key and go on with long unknown ones', () => {
    const growth = heapGrowth(() => {
      for (let request = 0; request < 500; request++) {
        const long = Array.from({ length: 200 }, (_, i): [string, string] => [`${'L'.repeat(200)}${request}_${i}`, '']);
        const packet = encodePacket([[`KNOWN_${request}`, 'v'], ...long]);
        readVars(packet, 4, packet.length, Object.create(null));
      }
    });
    assert.ok(growth < BYTES_MAX, `${growth} bytes`);
  });

  it('is not filled by header names that are all different', () => {
    const check = new FramingCheck();
    const growth = heapGrowth(() => {
      for (let request = 0; request < 2000; request++) {
        const headers = Array.from({ length: 100 }, (_, i) => [`X-${'y'.repeat(i)}-${request}-${i}`, 'v']).flat();
        assert.equal(checkFraming(check, 'GET', 1, ['Host', 'h', ...headers]), FRAMING.OK);
      }
    });
    assert.ok(growth < BYTES_MAX, `${growth} bytes`);
  });
});
