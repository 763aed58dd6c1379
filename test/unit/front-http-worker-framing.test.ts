// Responses that the worker frames for HTTP itself: what is added to the head, how the body is delimited, and how they leave
// by the client's descriptor, by the slot's ring where the socket takes no more, or not at all.
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, test } from 'node:test';
import { FrontLane, type FrontSlot } from '../../dist/lane/front-lane.js';
import { createLaneMemory, REPLY_FLAG, REQUEST_ORIGIN, SLOT_STATE } from '../../dist/lane/layout.js';
import { WorkerLane } from '../../dist/lane/worker-lane.js';
import { ResponseHead } from '../../dist/protocol/response-head.js';
import { type Libc, SYS } from '../../dist/system/libc.js';
import { HttpFraming, isConnectionHeader, isFramingHeader } from '../../dist/worker/http-framing.js';
import { SlotResponse } from '../../dist/worker/response.js';
import { newResponseTools } from '../../dist/worker/response-tools.js';
import { parseResponses } from '../helpers/http-client.js';

type Headers = readonly (readonly [string, string])[];

interface Begun {
  readonly framing: HttpFraming;
  readonly lines: string;
}

interface Circumstances {
  readonly status?: string;
  readonly headers?: Headers;
  readonly isHttp10?: boolean;
  readonly closes?: boolean;
  readonly isHead?: boolean;
  /** Of the whole body, where it is known. */
  readonly bodyBytes?: number;
}

/** The framing of a response, and the lines it adds but Date. */
function begin(of: Circumstances): Begun {
  const head = new ResponseHead();
  head.set(of.status ?? '200 OK', of.headers ?? []);
  const framing = new HttpFraming(of.isHttp10 ?? false);
  framing.closes = of.closes ?? false;
  const lines = framing.begin(head, of.isHead ?? false, of.bodyBytes ?? -1);
  return { framing, lines: lines.replace(/^Date: [^\r]+\r\n/, '') };
}

function frame(framing: HttpFraming, chunk: string, last: boolean): string {
  return Buffer.from(framing.frame(Buffer.from(chunk), last)).toString('latin1');
}

describe('the framing of a response', () => {
  test('is the length where it is known', () => {
    const { framing, lines } = begin({ bodyBytes: 3 });
    assert.equal(lines, 'Content-Length: 3\r\n');
    assert.equal(frame(framing, 'abc', true), 'abc');
    assert.deepEqual([framing.isShort, framing.overrun, framing.closes], [false, false, false]);
  });

  test('is the length that the application says, and nothing is added', () => {
    const { framing, lines } = begin({ headers: [['Content-Length', '3']], bodyBytes: 5 });
    assert.equal(lines, '');
    assert.equal(frame(framing, 'ab', false), 'ab');
    assert.equal(framing.isShort, true);
    assert.equal(frame(framing, 'cde', false), 'c');
    assert.equal(frame(framing, 'f', true), '');
    assert.deepEqual([framing.isShort, framing.overrun], [false, true]);
  });

  test('is chunks where it is not', () => {
    const { framing, lines } = begin({});
    assert.equal(lines, 'Transfer-Encoding: chunked\r\n');
    assert.equal(frame(framing, 'x'.repeat(26), false), `1a\r\n${'x'.repeat(26)}\r\n`);
    assert.equal(frame(framing, '', false), '', 'an empty chunk would end the body');
    assert.equal(frame(framing, 'y', true), '1\r\ny\r\n0\r\n\r\n');
    assert.equal(frame(begin({}).framing, '', true), '0\r\n\r\n');
  });

  test('is the close of the connection where HTTP/1.0 knows no chunks', () => {
    const { framing, lines } = begin({ isHttp10: true });
    assert.equal(lines, 'Connection: close\r\n');
    assert.equal(framing.closes, true);
    assert.equal(frame(framing, 'abc', true), 'abc');
    assert.equal(framing.isShort, false);
  });

  test('tells HTTP/1.0 that the connection is kept', () => {
    assert.equal(begin({ isHttp10: true, bodyBytes: 0 }).lines, 'Content-Length: 0\r\nConnection: keep-alive\r\n');
    assert.equal(
      begin({ isHttp10: true, closes: true, bodyBytes: 0 }).lines,
      'Content-Length: 0\r\nConnection: close\r\n',
    );
  });

  test('is none where no body may follow, and none is let through', () => {
    for (const of of [{ isHead: true }, { status: '204 No Content' }, { status: '304 Not Modified' }]) {
      const { framing, lines } = begin(of);
      assert.equal(lines, '');
      assert.equal(frame(framing, 'abc', true), '');
      assert.equal(framing.isShort, false);
    }
    const { framing, lines } = begin({ isHead: true, headers: [['Content-Length', '10']], closes: true });
    assert.equal(lines, 'Connection: close\r\n');
    assert.equal(framing.isShort, false, 'HEAD tells a length and has no body');
  });

  test('adds a Date unless there is one', () => {
    const head = new ResponseHead();
    head.set('200 OK', []);
    const lines = new HttpFraming(false).begin(head, true, -1);
    assert.match(lines, /^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n$/);
    head.set('200 OK', [['date', 'Mon, 01 Jan 2024 00:00:00 GMT']]);
    assert.equal(new HttpFraming(false).begin(head, true, -1), '');
  });

  test('knows the headers that are not the application’s', () => {
    for (const name of ['Connection', 'keep-alive', 'Proxy-Connection', 'TRANSFER-ENCODING']) {
      assert.deepEqual([isConnectionHeader(name), isFramingHeader(name)], [true, true], name);
    }
    assert.deepEqual([isConnectionHeader('content-length'), isFramingHeader('Content-Length')], [false, true]);
    for (const name of ['X-Connection', 'Connection-X', 'Upgrade']) assert.equal(isFramingHeader(name), false, name);
  });
});

/** A request in a slot whose client is at the other end of a libc that records. */
class Wire {
  readonly sent: Buffer[] = [];
  readonly flags: number[] = [];
  shutdowns = 0;
  aborted = 0;
  readonly slot: FrontSlot;
  readonly response: SlotResponse;
  /** Bytes the socket takes before it says EAGAIN, or the errno it fails with. */
  room = Number.POSITIVE_INFINITY;
  errno: number = constants.errno.EAGAIN;
  private readonly front: FrontLane;

  constructor(origin: number = REQUEST_ORIGIN.HTTP_KEEP_ALIVE, protocol = 'HTTP/1.1', isHead = false) {
    const memory = createLaneMemory(1, 4);
    this.front = new FrontLane(memory, 1);
    const slot = this.front.take();
    assert.ok(slot !== null);
    this.slot = slot;
    this.describe(origin);
    this.front.submit(slot, 0);
    const taken = new WorkerLane(memory).next(0);
    assert.ok(taken !== null);
    const owner = { onResponseAborted: () => this.aborted++, onResponseFinished: () => {} };
    const tools = newResponseTools(
      this.libc(),
      () => {},
      () => {},
    );
    this.response = new SlotResponse(taken, tools, protocol, isHead, owner);
  }

  describe(origin: number): void {
    this.slot.describe(4, 0, -1, 99, origin);
  }

  /** What the worker sent itself, and what it left in the ring. */
  get bytes(): Buffer {
    const left: Buffer[] = [];
    while (this.slot.available > 0) {
      const piece = Buffer.from(this.slot.peek());
      left.push(piece);
      this.slot.consume(piece.length);
    }
    return Buffer.concat([...this.sent, ...left]);
  }

  has(flag: number): boolean {
    return (this.slot.flags & flag) !== 0;
  }

  private libc(): Libc {
    const calls: Partial<Libc> = {
      send: (fd, bytes, size, flags) => {
        assert.equal(fd, 99);
        const count = Math.min(size, this.room);
        if (count === 0) return -1;
        this.room -= count;
        this.sent.push(Buffer.from(bytes.subarray(0, count)));
        this.flags.push(flags);
        return count;
      },
      shutdown: () => {
        this.shutdowns++;
        return 0;
      },
      errno: () => this.errno,
    };
    return calls as Libc;
  }
}

describe('a response on its way to an HTTP client', () => {
  test('leaves in one piece, and the connection goes on', () => {
    const wire = new Wire();
    wire.response.head('200 OK', [['X-A', 'b']]);
    wire.response.end('hello');
    assert.equal(wire.sent.length, 1);
    const [response] = parseResponses(wire.bytes, false);
    assert.equal(response?.body.toString(), 'hello');
    assert.equal(response?.headers.get('x-a'), 'b');
    assert.equal(response?.headers.has('connection'), false);
    assert.deepEqual(
      [wire.slot.state, wire.shutdowns, wire.has(REPLY_FLAG.CONNECTION_CLOSE)],
      [SLOT_STATE.DONE, 0, false],
    );
  });

  test('is the same whatever the socket takes of it', () => {
    for (const [headers, chunks] of [
      [[], ['hello ', 'world']],
      [[['Content-Length', '11']], ['hello ', 'world']],
      [[], ['', 'x'.repeat(5000), '']],
    ] as const) {
      const whole = new Wire();
      const texts: string[] = [];
      for (const room of [Number.POSITIVE_INFINITY, 0, 1, 20, 150, 260]) {
        const wire = room === Number.POSITIVE_INFINITY ? whole : new Wire();
        wire.room = room;
        wire.response.head('200 OK', [['Date', 'Mon, 01 Jan 2024 00:00:00 GMT'], ...headers]);
        for (const chunk of chunks) assert.equal(wire.response.write(chunk), true);
        wire.response.end();
        texts.push(wire.bytes.toString());
        assert.equal(wire.slot.state, SLOT_STATE.DONE);
      }
      assert.equal(parseResponses(Buffer.from(texts[0] as string), false)[0]?.body.toString(), chunks.join(''));
      assert.deepEqual(new Set(texts).size, 1);
    }
  });

  test('ends the connection where the client, the application or the front wants it', () => {
    for (const wants of ['client', 'application', 'front']) {
      const wire = new Wire(wants === 'client' ? REQUEST_ORIGIN.HTTP_CLOSE : REQUEST_ORIGIN.HTTP_KEEP_ALIVE);
      // The front changes its mind while the request runs.
      if (wants === 'front') wire.describe(REQUEST_ORIGIN.HTTP_CLOSE);
      wire.response.head('200 OK', wants === 'application' ? [['connection', 'x, Close']] : []);
      wire.response.end('bye');
      assert.equal(parseResponses(wire.bytes, false)[0]?.headers.get('connection'), 'close', wants);
      assert.equal(wire.shutdowns, 1);
      // The last bytes and the end in one segment.
      assert.equal((wire.flags[0] as number) & SYS.MSG_MORE, SYS.MSG_MORE);
      assert.equal(wire.has(REPLY_FLAG.CONNECTION_CLOSE), true);
    }
  });

  test('is broken where it is shorter than its Content-Length', () => {
    const wire = new Wire(REQUEST_ORIGIN.HTTP_CLOSE);
    wire.response.head('200 OK', [['Content-Length', '10']]);
    wire.response.write('abc');
    wire.response.end();
    assert.deepEqual([wire.has(REPLY_FLAG.BROKEN), wire.has(REPLY_FLAG.SHORT), wire.shutdowns], [true, true, 0]);
  });

  test('is cut where it is longer', () => {
    const wire = new Wire();
    wire.response.head('200 OK', [['Content-Length', '4']]);
    wire.response.write('abc');
    wire.response.end('def');
    assert.equal(parseResponses(wire.bytes, false)[0]?.body.toString(), 'abcd');
    assert.deepEqual([wire.has(REPLY_FLAG.BROKEN), wire.has(REPLY_FLAG.OVERRUN)], [false, true]);
  });

  test('to HEAD is as long as it says, though it has no body', () => {
    const wire = new Wire(REQUEST_ORIGIN.HTTP_KEEP_ALIVE, 'HTTP/1.1', true);
    wire.response.head('200 OK', [['Content-Length', '10']]);
    wire.response.end('0123456789');
    assert.match(wire.bytes.toString(), /\r\nContent-Length: 10\r\n.*\r\n\r\n$/s);
    assert.equal(wire.has(REPLY_FLAG.BROKEN), false);
  });

  test('cannot have a status that is not final, and may still fail with one that is', () => {
    const wire = new Wire();
    assert.throws(() => wire.response.head('103 Early Hints', []), TypeError);
    wire.response.fail('failed\n');
    assert.equal(parseResponses(wire.bytes, false)[0]?.status, 500);
  });

  test('is given up, and marked so, when the socket fails', () => {
    for (const errno of [constants.errno.EPIPE, constants.errno.ENOBUFS]) {
      const wire = new Wire();
      wire.room = 0;
      wire.errno = errno;
      wire.response.head('200 OK', []);
      wire.response.write('abc');
      wire.response.end('def');
      assert.deepEqual([wire.aborted, wire.has(REPLY_FLAG.BROKEN), wire.slot.state], [1, true, SLOT_STATE.DONE]);
    }
  });

  test('is seen to flow', () => {
    const wire = new Wire();
    wire.response.head('200 OK', []);
    let before = wire.slot.sends;
    for (let i = 0; i < 3; i++) {
      wire.response.write('x');
      assert.notEqual(wire.slot.sends, before);
      before = wire.slot.sends;
    }
    wire.response.end();
  });
});
