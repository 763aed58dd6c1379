// wsgi.errors: a text stream into the server's log, one per worker. Whole lines are logged as they come; the rest of a
// line waits for its end, for flush(), or for the end of the request.

/** Characters of an unfinished line that are kept before they are logged as a line of their own. */
const PARTIAL_CHARS_MAX = 65_536;

/** `environ['wsgi.errors']`. */
export class WsgiErrors {
  readonly #log: (text: string) => void;
  #partial = '';

  constructor(log: (text: string) => void) {
    this.#log = log;
  }

  /** Logs every line that `text` completes. Returns the number of characters taken: all of them. */
  write(text: string): number {
    const all = this.#partial + text;
    const end = all.lastIndexOf('\n');
    if (end >= 0) this.#log(all.slice(0, end));
    this.#partial = all.slice(end + 1);
    if (this.#partial.length > PARTIAL_CHARS_MAX) this.flush();
    return text.length;
  }

  /** As `write`, for each of `lines`. */
  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  /** Logs an unfinished line as it stands. */
  flush(): void {
    if (this.#partial === '') return;
    const partial = this.#partial;
    this.#partial = '';
    this.#log(partial);
  }
}
