// The vars block as strings.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findVar, forEachVar, readVars } from '../../dist/protocol/environ-vars.js';
import { encodePacket } from '../../dist/protocol/uwsgi-encoder.js';

function read(vars: [string, string][], target: Record<string, unknown> = {}): Record<string, unknown> {
  const packet = encodePacket(vars);
  readVars(packet, 4, packet.length, target);
  return target;
}

describe('readVars', () => {
  it('reads every var, empty values and all bytes of latin-1 included', () => {
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    assert.deepEqual(
      read([
        ['A', 'b'],
        ['EMPTY', ''],
        ['ALL', all],
        [`K${all}`, 'x'],
      ]),
      { A: 'b', EMPTY: '', ALL: all, [`K${all}`]: 'x' },
    );
  });

  it('lets the last of several vars win, as uWSGI does', () => {
    assert.deepEqual(
      read([
        ['A', '1'],
        ['B', '2'],
        ['A', '3'],
      ]),
      { A: '3', B: '2' },
    );
  });

  it('leaves what is in the target and is not in the packet', () => {
    assert.deepEqual(read([['A', '1']], { 'wsgi.version': 1 }), { 'wsgi.version': 1, A: '1' });
  });

  for (const [kind, make] of [
    ['a plain object', () => ({})],
    ['an object without prototype', () => Object.create(null)],
  ] as const) {
    it(`makes __proto__ and other inherited names own properties of ${kind}`, () => {
      const target = read(
        [
          ['__proto__', 'x'],
          ['constructor', 'y'],
          ['toString', 'z'],
          ['7', 'n'],
        ],
        make(),
      );
      assert.deepEqual(Object.keys(target).sort(), ['7', '__proto__', 'constructor', 'toString']);
      assert.equal(Object.getOwnPropertyDescriptor(target, '__proto__')?.value, 'x');
      assert.deepEqual(
        read(
          [
            ['__proto__', 'x'],
            ['__proto__', 'y'],
          ],
          make(),
        ),
        read([['__proto__', 'y']], make()),
      );
    });
  }

  it('reads packets of many different keys, in any order, one after the other', () => {
    for (let round = 0; round < 40; round++) {
      const vars = Array.from({ length: 60 }, (_, i): [string, string] => [
        `KEY_${(round * 97 + i * 31) % 2400}`,
        `${round}.${i}`,
      ]);
      assert.deepEqual(read(vars), Object.fromEntries(vars));
    }
    const long: [string, string][] = [
      ['L'.repeat(5000), 'long'],
      ['A', 'short'],
    ];
    assert.deepEqual(read(long), Object.fromEntries(long));
  });

  it('tells keys apart that begin alike', () => {
    assert.deepEqual(
      read([
        ['ABC', '1'],
        ['ABCD', '2'],
        ['AB', '3'],
      ]),
      { ABC: '1', ABCD: '2', AB: '3' },
    );
    assert.deepEqual(
      read([
        ['ABX', '1'],
        ['ABCE', '2'],
        ['AC', '3'],
      ]),
      { ABX: '1', ABCE: '2', AC: '3' },
    );
  });
});

describe('findVar', () => {
  const packet = encodePacket([
    ['HOST', 'a'],
    ['HTTP_HOST', '\xe9'],
    ['EMPTY', ''],
    ['HOST', 'b'],
  ]);

  it('finds the last var of a name, and no other', () => {
    assert.equal(findVar(packet, 4, packet.length, 'HOST'), 'b');
    assert.equal(findVar(packet, 4, packet.length, 'HTTP_HOST'), '\xe9');
    assert.equal(findVar(packet, 4, packet.length, 'EMPTY'), '');
    assert.equal(findVar(packet, 4, packet.length, 'HOS'), undefined);
    assert.equal(findVar(packet, 4, 4, 'HOST'), undefined);
  });
});

describe('forEachVar', () => {
  it('calls back for each var in order, duplicates included', () => {
    const vars: [string, string][] = [
      ['A', '1'],
      ['B', ''],
      ['A', '2'],
    ];
    const packet = encodePacket(vars);
    const seen: [string, string][] = [];
    forEachVar(packet, 4, packet.length, (key, value) => seen.push([key, value]));
    assert.deepEqual(seen, vars);
  });
});
