// Reading the operator's files without ever waiting for one: a FIFO that nobody writes to would hold up the thread, and with it
// every request, reload and stop. What comes through a descriptor that was open when we were started (a pipe at standard input,
// `<(…)` of a shell) can be read once, and is, at the start.
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { CONFIG_FILE_BYTES_MAX } from './limits.js';

const READ = constants.O_RDONLY | constants.O_NOCTTY;

/** A descriptor of our own, by name. */
const OWN_DESCRIPTOR = /^\/(dev\/stdin|dev\/fd\/\d+|proc\/self\/fd\/\d+)$/;

/**
 * The bytes of a file; never waits. Throws an Error whose message says what is wrong with it, or what the system has against
 * reading it.
 */
export function readOperatorFile(file: string): Buffer {
  // Before it is opened: that alone makes whoever writes to a FIFO go on.
  refuse(statSync(file));
  const descriptor = openSync(file, READ | constants.O_NONBLOCK);
  try {
    // Another one may have its name by now.
    refuse(fstatSync(descriptor));
    return readAll(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The files of one process. Paths are absolute. */
export class OperatorFiles {
  /** What came through descriptors of ours. */
  private readonly streams = new Map<string, Buffer>();
  private isStarting = true;
  private passedBy: string | undefined;

  /** The first file that was a descriptor of ours: a process that we start would not find it. */
  get descriptor(): string | undefined {
    return this.passedBy;
  }

  /** As `readOperatorFile`; at the start also from a descriptor of ours, for whose end it waits. */
  read(file: string): Buffer {
    if (!OWN_DESCRIPTOR.test(file)) return readOperatorFile(file);
    this.passedBy ??= file;
    if (statSync(file).isFile()) return readOperatorFile(file);
    const known = this.streams.get(file);
    if (known !== undefined) return known;
    if (!this.isStarting) throw new Error('it is a descriptor of the process, which is read at the start only');
    const descriptor = openSync(file, READ);
    try {
      const bytes = readAll(descriptor);
      this.streams.set(file, bytes);
      return bytes;
    } finally {
      closeSync(descriptor);
    }
  }

  /** From now on nothing is waited for: streams have what they had. */
  endStart(): void {
    this.isStarting = false;
  }
}

function refuse(stat: Stats): void {
  if (stat.isDirectory()) throw new Error('it is a directory');
  if (stat.isFIFO()) throw new Error('it is a FIFO, and a file is wanted');
  if (stat.isSocket()) throw new Error('it is a socket, and a file is wanted');
}

function readAll(descriptor: number): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(65_536);
    const count = readSync(descriptor, chunk);
    if (count === 0) return Buffer.concat(chunks);
    total += count;
    if (total > CONFIG_FILE_BYTES_MAX) throw new Error(`it has more than ${CONFIG_FILE_BYTES_MAX} bytes`);
    chunks.push(chunk.subarray(0, count));
  }
}
