// A log template, compiled: a list of steps, each a piece of the line. Done once; a request walks the list.
import type { LogTemplate, TemplatePart, ValueForm } from '../base/log-template.js';
import { DIGITS_MAX, FixedBytes, LineBuffer, roomOf, WORD_BYTES, writeNumber, writeSafe } from './line-buffer.js';
import { logVariables, type RequestFacts, type VariableSettings, type VariableSource } from './log-variables.js';
import type { WantedVars } from './wanted-vars.js';

/** Writes the whole line; `facts.vars` has looked through the request. */
export type CompiledFormat = (line: LineBuffer, facts: RequestFacts) => void;

export interface FormatSettings extends VariableSettings {
  readonly template: LogTemplate;
}

type ChangingSource = Exclude<VariableSource, { readonly kind: 'constant' }>;

const STEP = { NUMBER: 0, REQUEST: 1, TEXT: 2, NUMERAL: 3 } as const;

/** One value, and what is always the same before it. All steps have the same fields, so that the same code serves all. */
interface Step {
  readonly kind: (typeof STEP)[keyof typeof STEP];
  readonly before: string;
  /** Its bytes, and where its words end among those of all steps. */
  beforeBytes: number;
  wordsEnd: number;
  readonly number: (facts: RequestFacts) => number;
  readonly text: (facts: RequestFacts) => string;
  /** A variable of the request's, and the one that counts where it is empty. */
  readonly first: number;
  readonly second: number;
  readonly form: ValueForm;
  readonly empty: FixedBytes;
  /** Many requests have the same text, dates and the like: the last one, and how it is shown. */
  last: string | undefined;
  shown: FixedBytes;
}

/** Compiles a template. `facts` is the object that the requests will be described with: its variables are noted as wanted. */
export function compileFormat(settings: FormatSettings, facts: RequestFacts): CompiledFormat {
  const { template } = settings;
  const variables = logVariables(settings, facts);
  const steps: Step[] = [];
  let text = '';
  for (const part of template.parts) {
    const source = sourceOf(part, variables);
    const form = 'form' in part ? part.form : 'plain';
    if (typeof source === 'string') text += source;
    else if (source === undefined) text += emptyText(form, template.empty);
    else if (source.kind === 'constant') text += String(source.read());
    else {
      steps.push(stepOf(text, source, form, emptyText(form, template.empty), facts.vars));
      text = '';
    }
  }
  return lineWriter(steps, fixed(text), facts.vars);
}

/**
 * A walk of the list. The words of all that is always the same stand in one array, and where the line has come to is a local
 * variable: an array or a call for each step costs more than its work.
 */
function lineWriter(steps: readonly Step[], last: FixedBytes, vars: WantedVars): CompiledFormat {
  const words = layOut(steps);
  const room = words.byteLength + steps.length * DIGITS_MAX + roomOf(last);
  const scratch = new LineBuffer();
  const { starts, ends } = vars;
  return (line, current) => {
    line.reserve(room);
    let { bytes, view } = line;
    let at = line.length;
    let word = 0;
    const { packet } = current;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i] as Step;
      for (let to = at; word < step.wordsEnd; to += WORD_BYTES) view.setInt32(to, words[word++] as number, true);
      at += step.beforeBytes;
      if (step.kind === STEP.NUMBER) {
        at = writeNumber(bytes, at, step.number(current));
        continue;
      }
      if (step.kind === STEP.REQUEST) {
        const index = starts[step.first] === ends[step.first] ? step.second : step.first;
        const from = starts[index] as number;
        const to = ends[index] as number;
        const fits = from < to && at + (to - from) + room <= bytes.length;
        const end = fits ? writeSafe(bytes, at, packet, from, to, step.form) : -1;
        if (end >= 0) {
          at = end;
          continue;
        }
        line.length = at;
        if (from === to) line.fixed(step.empty);
        else line.value(packet, from, to, step.form);
      } else {
        line.length = at;
        if (step.kind === STEP.TEXT) line.fixed(shownText(step, step.text(current), scratch));
        else line.text(step.text(current));
      }
      line.reserve(room);
      ({ bytes, view } = line);
      at = line.length;
    }
    line.length = at;
    line.fixed(last);
  };
}

/** The words of all steps, one step's behind the other's. */
function layOut(steps: readonly Step[]): Int32Array {
  const words: number[] = [];
  for (const step of steps) {
    const before = fixed(step.before);
    words.push(...before.words);
    step.beforeBytes = before.length;
    step.wordsEnd = words.length;
  }
  return Int32Array.from(words);
}

function sourceOf(part: TemplatePart, variables: ReturnType<typeof logVariables>): VariableSource | string | undefined {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'variable':
      return variables[part.name];
    case 'request':
      return { kind: 'request', name: part.name };
    case 'application':
      return { kind: 'text', read: ({ logVariables }) => logVariables?.get(part.name) ?? '' };
    case 'nothing':
      return undefined;
    default:
      return part satisfies never;
  }
}

function stepOf(before: string, source: ChangingSource, form: ValueForm, empty: string, vars: WantedVars): Step {
  const { kind } = source;
  const isRequest = kind === 'request';
  return {
    kind: isRequest ? STEP.REQUEST : kind === 'number' ? STEP.NUMBER : kind === 'text' ? STEP.TEXT : STEP.NUMERAL,
    before,
    beforeBytes: 0,
    wordsEnd: 0,
    number: kind === 'number' ? source.read : none,
    text: kind === 'text' || kind === 'numeral' ? source.read : nothing,
    first: isRequest ? vars.want(source.name) : 0,
    second: isRequest ? vars.want(source.otherwise ?? source.name) : 0,
    form,
    empty: fixed(empty),
    last: undefined,
    shown: fixed(''),
  };
}

const none = () => 0;
const nothing = () => '';

function shownText(step: Step, text: string, scratch: LineBuffer): FixedBytes {
  if (text === step.last) return step.shown;
  scratch.clear();
  if (text === '') scratch.fixed(step.empty);
  else scratch.valueText(text, step.form);
  step.last = text;
  step.shown = new FixedBytes(scratch.bytes.subarray(0, scratch.length));
  return step.shown;
}

function fixed(text: string): FixedBytes {
  return new FixedBytes(Buffer.from(text));
}

function emptyText(form: ValueForm, empty: string): string {
  return form === 'json' ? 'null' : empty;
}
