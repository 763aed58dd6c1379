// Vars to strings in a dictionary: against one native call for each string, and against slices whose keys are not shared.
import { findVar, readVars } from '../../dist/protocol/environ-vars.js';
import { encodePacket } from '../../dist/protocol/uwsgi-encoder.js';
import { NGINX_VARS, sharedBuffer } from './requests.js';
import { candidate, type Suite } from './suite.js';

type Environ = Record<string, unknown>;

// As the WSGI adapter's: an empty prototype, and fast properties all the same.
const EnvironObject = function EnvironObject() {} as unknown as new () => Environ;
EnvironObject.prototype = Object.create(null);

const packets = NGINX_VARS.map((vars) => {
  const bytes = encodePacket(vars);
  const shared = sharedBuffer(bytes.length);
  bytes.copy(shared);
  return shared;
});

function packetOf(turn: number): Buffer {
  return packets[turn] as Buffer;
}

function eachString(packet: Buffer): Environ {
  const target = new EnvironObject();
  for (let at = 4; at < packet.length; ) {
    const keyEnd = at + 2 + packet.readUInt16LE(at);
    const varEnd = keyEnd + 2 + packet.readUInt16LE(keyEnd);
    target[packet.toString('latin1', at + 2, keyEnd)] = packet.toString('latin1', keyEnd + 2, varEnd);
    at = varEnd;
  }
  return target;
}

function slices(packet: Buffer): Environ {
  const target = new EnvironObject();
  const text = packet.toString('latin1');
  for (let at = 4; at < packet.length; ) {
    const keyEnd = at + 2 + ((packet[at] as number) | ((packet[at + 1] as number) << 8));
    const varEnd = keyEnd + 2 + ((packet[keyEnd] as number) | ((packet[keyEnd + 1] as number) << 8));
    target[text.substring(at + 2, keyEnd)] = text.substring(keyEnd + 2, varEnd);
    at = varEnd;
  }
  return target;
}

function read(packet: Buffer, target: Environ): Environ {
  readVars(packet, 4, packet.length, target);
  return target;
}

export const environSuite: Suite = {
  name: 'environ (nginx, 13 to 21 vars)',
  turns: packets.length,
  candidates: [
    candidate('a string at a time', (turn) => eachString(packetOf(turn))),
    candidate('slices of one string', (turn) => slices(packetOf(turn))),
    candidate('readVars', (turn) => read(packetOf(turn), new EnvironObject())),
  ],
};

export const findSuite: Suite = {
  name: 'one var (REQUEST_METHOD)',
  turns: packets.length,
  candidates: [
    candidate('a string at a time', (turn) => eachString(packetOf(turn)).REQUEST_METHOD),
    candidate('findVar', (turn) => findVar(packetOf(turn), 4, packetOf(turn).length, 'REQUEST_METHOD')),
  ],
};
