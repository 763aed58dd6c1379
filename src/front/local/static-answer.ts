// The answer that an open file is to a GET or HEAD: media type, validators, conditions, coding and range.
import { chooseCoding } from '../../protocol/accept-encoding.js';
import { parseRange, RANGE } from '../../protocol/byte-range.js';
import { httpDate } from '../../protocol/http-date.js';
import { judgeConditions, PRECONDITION, rangeStillValid } from '../../protocol/preconditions.js';
import { type FileRange, type Header, type JudgedRequest, LocalAnswer } from './gate.js';
import { mediaType, type OwnTypes, readMimeFiles } from './media-types.js';
import type { StaticFile, StaticRoot } from './static-file.js';
import type { StaticExpires, StaticOptions } from './static-options.js';

/** In our order of preference, and what the files are called. */
const CODINGS = { br: '.br', gzip: '.gz' } as const;
type Coding = keyof typeof CODINGS;

interface CompiledExpires extends StaticExpires {
  readonly expression: RegExp | undefined;
}

/** Makes answers of files. */
export class StaticAnswers {
  private readonly options: StaticOptions;
  private readonly compressedPatterns: readonly RegExp[];
  private readonly expires: readonly CompiledExpires[];
  private readonly ownTypes: OwnTypes;
  private readonly hasCompressed: boolean;

  constructor(options: StaticOptions) {
    const { all, patterns, folders, endings } = options.compressed;
    this.options = options;
    this.hasCompressed = all || patterns.length + folders.length + endings.length > 0;
    this.compressedPatterns = patterns.map((pattern) => new RegExp(pattern));
    this.expires = options.expires.map((rule) => {
      return { ...rule, expression: rule.by === 'type' ? undefined : new RegExp(rule.pattern) };
    });
    this.ownTypes = readMimeFiles(options.mimeFiles);
  }

  /**
   * The answer; it has the file, or has closed it. `root` and `path`: how it was opened. `chosenBy`: the request's header that
   * the choice of this file depends on.
   */
  answer(request: JudgedRequest, file: StaticFile, root: StaticRoot, path: string, chosenBy: string): LocalAnswer {
    try {
      return this.describe(request, file, root, path, chosenBy);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  private describe(
    request: JudgedRequest,
    plain: StaticFile,
    root: StaticRoot,
    path: string,
    chosenBy: string,
  ): LocalAnswer {
    const type = mediaType(plain.path, this.ownTypes);
    const varies = this.hasCompressed && this.mayBeCompressed(plain.path);
    let file = plain;
    let coding: Coding | 'identity' = 'identity';
    if (varies) ({ file, coding } = openCoded(request.find('HTTP_ACCEPT_ENCODING'), plain, root, path));
    const nowMs = Date.now();
    // RFC 9110 section 8.8.2.1: not later than the Date of the response.
    const modifiedMs = Math.floor(Math.min(file.changedMs, nowMs) / 1000) * 1000;
    const etag = entityTag(file, coding);
    const headers: Header[] = [
      ['Last-Modified', httpDate(modifiedMs)],
      ['ETag', etag],
    ];
    const vary = varies ? ['Accept-Encoding', chosenBy] : [chosenBy];
    if (varies || chosenBy !== '') headers.push(['Vary', vary.filter((name) => name !== '').join(', ')]);
    const expiresMs = this.expiresMs(request, plain, type, nowMs);
    if (expiresMs !== undefined) headers.push(['Expires', httpDate(expiresMs)]);
    const validators = { etag, modifiedMs };
    const outcome = judgeConditions(
      {
        ifMatch: request.find('HTTP_IF_MATCH'),
        ifUnmodifiedSince: request.find('HTTP_IF_UNMODIFIED_SINCE'),
        ifNoneMatch: request.find('HTTP_IF_NONE_MATCH'),
        ifModifiedSince: request.find('HTTP_IF_MODIFIED_SINCE'),
      },
      validators,
    );
    if (outcome !== PRECONDITION.PASSED) {
      file.close();
      return new LocalAnswer(outcome, headers);
    }
    headers.unshift(['Content-Type', type]);
    if (coding !== 'identity') headers.push(['Content-Encoding', coding]);
    headers.push(['Accept-Ranges', 'bytes']);
    return withRange(request, file, headers, validators);
  }

  private mayBeCompressed(path: string): boolean {
    const { all, folders, endings } = this.options.compressed;
    return (
      all ||
      endings.some((ending) => path.endsWith(ending)) ||
      folders.some((folder) => path.startsWith(folder)) ||
      this.compressedPatterns.some((pattern) => pattern.test(path))
    );
  }

  /** When the answer gets old, in milliseconds since 1970. */
  private expiresMs(request: JudgedRequest, file: StaticFile, type: string, nowMs: number): number | undefined {
    for (const rule of this.expires) {
      if (!fits(rule, request, file, type)) continue;
      return (rule.fromChange ? file.changedMs : nowMs) + rule.seconds * 1000;
    }
    return undefined;
  }
}

function fits(
  { by, pattern, expression }: CompiledExpires,
  request: JudgedRequest,
  file: StaticFile,
  type: string,
): boolean {
  switch (by) {
    case 'type':
      return pattern === type;
    case 'file':
      return expression?.test(file.path) === true;
    case 'path':
      return expression?.test(request.find('PATH_INFO') ?? '') === true;
    case 'uri':
      return expression?.test(request.find('REQUEST_URI') ?? '') === true;
    default:
      return by satisfies never;
  }
}

/** The coded file that the client likes best, if there is one; then the plain one is closed. */
function openCoded(
  accepted: string | undefined,
  plain: StaticFile,
  root: StaticRoot,
  path: string,
): { readonly file: StaticFile; readonly coding: Coding | 'identity' } {
  let offered = Object.keys(CODINGS) as Coding[];
  for (;;) {
    const coding = chooseCoding(accepted, offered);
    if (coding === 'identity') return { file: plain, coding };
    const file = root.open(path + CODINGS[coding]);
    if (typeof file !== 'string') {
      plain.close();
      return { file, coding };
    }
    offered = offered.filter((other) => other !== coding);
  }
}

/** Strong: a file that changes gets another time of change, to the microsecond. */
function entityTag(file: StaticFile, coding: string): string {
  const version = `${Math.round(file.changedMs * 1000).toString(36)}-${file.bytes.toString(36)}`;
  return coding === 'identity' ? `"${version}"` : `"${version}-${coding}"`;
}

function withRange(
  request: JudgedRequest,
  file: StaticFile,
  headers: Header[],
  validators: { readonly etag: string; readonly modifiedMs: number },
): LocalAnswer {
  const { bytes } = file;
  // RFC 9110 section 14.2: a range is for GET only.
  const asked = request.method === 'GET' ? request.find('HTTP_RANGE') : undefined;
  const ifRange = request.find('HTTP_IF_RANGE');
  const isFollowed = asked !== undefined && (ifRange === undefined || rangeStillValid(ifRange, validators));
  const range = isFollowed ? parseRange(asked, bytes) : RANGE.WHOLE;
  if (range === RANGE.UNSATISFIABLE) {
    file.close();
    return new LocalAnswer(416, [['Content-Range', `bytes */${bytes}`]]);
  }
  if (range === RANGE.WHOLE) return new LocalAnswer(200, headers, contents(file, 0, bytes));
  headers.push(['Content-Range', `bytes ${range.from}-${range.to - 1}/${bytes}`]);
  return new LocalAnswer(206, headers, contents(file, range.from, range.to));
}

function contents({ contents, fd }: StaticFile, from: number, to: number): Uint8Array | FileRange {
  return contents === undefined ? { fd, from, to } : contents.subarray(from, to);
}
