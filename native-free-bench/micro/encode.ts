// Writing a packet into a slot: against whole-packet encoding, two native calls for each var, and one string for all.
import { encodeKey, encodePacket, PacketWriter } from '../../dist/protocol/uwsgi-encoder.js';
import { FRONT_VARS, sharedBuffer } from './requests.js';
import type { Candidate, Suite } from './suite.js';

const slot = sharedBuffer(135_168);
const keys = new Map((FRONT_VARS[0] as [string, string][]).map(([key]) => [key, encodeKey(key)]));
const encodedKeys = [...keys.values()];
const keyTexts = encodedKeys.map((key) => Buffer.from(key).toString('latin1'));
const LENGTHS = Array.from({ length: 256 }, (_, length) => String.fromCharCode(length, 0));
const writer = new PacketWriter();

function varsOf(turn: number): readonly (readonly [string, string])[] {
  return FRONT_VARS[turn] as [string, string][];
}

function whole(turn: number): number {
  const packet = encodePacket(varsOf(turn));
  packet.copy(slot);
  return packet.length;
}

function nativeWrites(turn: number): number {
  let at = 4;
  for (const [key, value] of varsOf(turn)) {
    at = slot.writeUInt16LE(key.length, at);
    at += slot.write(key, at, 'latin1');
    at = slot.writeUInt16LE(value.length, at);
    at += slot.write(value, at, 'latin1');
  }
  slot[0] = 0;
  slot.writeUInt16LE(at - 4, 1);
  slot[3] = 0;
  return at;
}

function oneString(turn: number): number {
  const vars = varsOf(turn);
  let text = '';
  for (let i = 0; i < vars.length; i++) {
    const value = (vars[i] as readonly [string, string])[1];
    const length = LENGTHS[value.length] ?? String.fromCharCode(value.length & 255, value.length >> 8);
    text += (keyTexts[i] as string) + length + value;
  }
  slot.write(`\0${String.fromCharCode(text.length & 255, text.length >> 8)}\0${text}`, 0, 'latin1');
  return 4 + text.length;
}

function packetWriter(turn: number): number {
  const vars = varsOf(turn);
  writer.begin(slot, 0);
  for (let i = 0; i < vars.length; i++) {
    writer.keyed(encodedKeys[i] as Uint8Array, (vars[i] as readonly [string, string])[1]);
  }
  return writer.end();
}

function written(name: string, run: (turn: number) => number): Candidate {
  return { name, run, result: (turn) => Buffer.from(slot.subarray(0, run(turn))).toString('latin1') };
}

export const encodeSuite: Suite = {
  name: 'packet encode (HTTP front, 14 vars)',
  turns: FRONT_VARS.length,
  candidates: [
    written('encodePacket and a copy', whole),
    written('two native writes a var', nativeWrites),
    written('one string, one native write', oneString),
    written('PacketWriter', packetWriter),
  ],
};
