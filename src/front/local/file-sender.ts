// The file of a local reply, in pieces, for the engines that have no sendfile. Main thread only: libuv's threads read it.
import { createReadStream, type ReadStream } from 'node:fs';
import type { FileRange } from './gate.js';
import type { LocalReply } from './reply.js';

/** Whoever has the connection. */
export interface FileTarget {
  /** Sends a piece. False: hold on until `resume`. */
  onFileBytes(bytes: Buffer): boolean;
  /** The reply is at its end; incomplete when the file became shorter, or cannot be read. */
  onFileEnd(isComplete: boolean): void;
}

/** Each costs a round trip to another thread, and a client that does not read holds one in memory. */
const PIECE_BYTES = 131_072;

/** Sends what is behind the head of a reply that has a file, and ends the reply. */
export class FileSender {
  private readonly reply: LocalReply;
  private readonly target: FileTarget;
  private readonly stream: ReadStream;
  private over = false;

  constructor(reply: LocalReply, target: FileTarget) {
    this.reply = reply;
    this.target = target;
    const { fd, from, to } = reply.answer.file as FileRange;
    this.stream = createReadStream('', { fd, start: from, end: to - 1, highWaterMark: PIECE_BYTES });
    this.stream.on('data', (bytes) => this.onData(bytes as Buffer));
    this.stream.on('end', () => this.finish(reply.bodyBytes === reply.answer.length));
    this.stream.on('error', () => this.finish(false));
    // The stream closes the file: not before a read under way has come back.
    this.stream.on('close', () => reply.over(true));
  }

  resume(): void {
    this.stream.resume();
  }

  /** The client has gone: nothing is heard any more. */
  destroy(): void {
    this.over = true;
    this.stream.destroy();
  }

  private onData(bytes: Buffer): void {
    if (this.over) return;
    this.reply.bodyBytes += bytes.length;
    if (!this.target.onFileBytes(bytes)) this.stream.pause();
  }

  private finish(isComplete: boolean): void {
    if (this.over) return;
    this.destroy();
    this.target.onFileEnd(isComplete);
  }
}
