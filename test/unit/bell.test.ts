// The sleeping-flag protocol under stress, two threads and nothing else: a lost wake-up hangs, and the test fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { BELL_WORDS, Bell } from '../../dist/lane/bell.js';
import { Ring } from '../../dist/lane/ring.js';

const RING_CAPACITY = 64;
const ROUNDS = 200_000;

/** Two bells and two rings: pings one way, pongs the other. */
function newMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (2 * BELL_WORDS + 2 * (32 + RING_CAPACITY)));
}

const RINGER = `
const { workerData, parentPort } = require('node:worker_threads');
(async () => {
  const { Bell, BELL_WORDS } = await import(workerData.bell);
  const { Ring } = await import(workerData.ring);
  const words = new Int32Array(workerData.memory);
  const mine = new Bell(words, 0), theirs = new Bell(words, BELL_WORDS);
  const inbox = new Ring(words, 2 * BELL_WORDS, ${RING_CAPACITY});
  const outbox = new Ring(words, 2 * BELL_WORDS + 32 + ${RING_CAPACITY}, ${RING_CAPACITY});
  const keepAlive = setInterval(() => {}, 1000);
  for (let done = 0; done < ${ROUNDS};) {
    let moved = 0;
    for (let entry = inbox.pop(); entry >= 0; entry = inbox.pop()) { outbox.push(entry); moved++; }
    done += moved;
    if (moved > 0) theirs.ring();
    if (done >= ${ROUNDS}) break;
    const sequence = mine.prepareSleep();
    if (inbox.isEmpty()) { const rung = mine.wait(sequence); if (rung) await rung; }
    mine.awake();
  }
  clearInterval(keepAlive);
})();
`;

test('no wake-up is lost between two threads that sleep whenever they can', { timeout: 120_000 }, async () => {
  const memory = newMemory();
  const words = new Int32Array(memory);
  const worker = new Worker(RINGER, {
    eval: true,
    workerData: {
      memory,
      bell: new URL('../../dist/lane/bell.js', import.meta.url).href,
      ring: new URL('../../dist/lane/ring.js', import.meta.url).href,
    },
  });
  const theirs = new Bell(words, 0);
  const mine = new Bell(words, BELL_WORDS);
  const outbox = new Ring(words, 2 * BELL_WORDS, RING_CAPACITY);
  const inbox = new Ring(words, 2 * BELL_WORDS + 32 + RING_CAPACITY, RING_CAPACITY);
  let sent = 0;
  let received = 0;
  while (received < ROUNDS) {
    // Batches of 1 to 8, so that both sides sleep often and at odd moments.
    const batch = 1 + (sent % 8);
    for (let i = 0; i < batch && sent < ROUNDS && outbox.push(sent & 0xffff); i++) sent++;
    theirs.ring();
    const sequence = mine.prepareSleep();
    if (inbox.isEmpty()) {
      const rung = mine.wait(sequence);
      if (rung !== undefined) await rung;
    }
    mine.awake();
    for (let entry = inbox.pop(); entry >= 0; entry = inbox.pop()) {
      assert.equal(entry, received & 0xffff);
      received++;
    }
  }
  assert.equal(received, ROUNDS);
  await new Promise((resolve) => worker.once('exit', resolve));
});
