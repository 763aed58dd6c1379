// Reading a packet: the parser, whole and in two pieces, against a plain loop over Buffer's methods.
import { encodePacket } from '../../dist/protocol/uwsgi-encoder.js';
import { PARSE, PacketParser } from '../../dist/protocol/uwsgi-packet.js';
import { NGINX_VARS, sharedBuffer } from './requests.js';
import type { Suite } from './suite.js';

const packets = NGINX_VARS.map((vars) => {
  const bytes = encodePacket(vars);
  const shared = sharedBuffer(bytes.length);
  bytes.copy(shared);
  return shared;
});

function packetOf(turn: number): Buffer {
  return packets[turn] as Buffer;
}

interface Facts {
  state: number;
  varCount: number;
  contentLength: number;
}

function plain(bytes: Buffer): Facts {
  const end = 4 + bytes.readUInt16LE(1);
  let varCount = 0;
  let contentLength = -1;
  for (let at = 4; at < end; varCount++) {
    const key = bytes.toString('latin1', at + 2, at + 2 + bytes.readUInt16LE(at));
    at += 2 + key.length;
    const value = bytes.toString('latin1', at + 2, at + 2 + bytes.readUInt16LE(at));
    at += 2 + value.length;
    if (key === 'CONTENT_LENGTH') contentLength = Number(value);
  }
  return { state: PARSE.COMPLETE, varCount, contentLength };
}

const parser = new PacketParser();

function whole(turn: number): number {
  const bytes = packetOf(turn);
  parser.reset();
  return parser.parse(bytes, 0, bytes.length);
}

function inTwo(turn: number): number {
  const bytes = packetOf(turn);
  parser.reset();
  parser.parse(bytes, 0, bytes.length >> 1);
  return parser.parse(bytes, 0, bytes.length);
}

function facts(run: (turn: number) => number): (turn: number) => Facts {
  return (turn) => ({ state: run(turn), varCount: parser.varCount, contentLength: parser.contentLength });
}

export const packetSuite: Suite = {
  name: 'packet parse (nginx, 13 to 21 vars)',
  turns: packets.length,
  candidates: [
    {
      name: 'plain loop over Buffer methods',
      run: (turn) => plain(packetOf(turn)),
      result: (turn) => plain(packetOf(turn)),
    },
    { name: 'PacketParser, whole', run: whole, result: facts(whole) },
    { name: 'PacketParser, in two pieces', run: inTwo, result: facts(inTwo) },
  ],
};
