// A log template, compiled: a list of steps that each write a piece of the line. Done once; a request walks the list.
import type { LogTemplate, TemplatePart, ValueForm } from '../base/log-template.js';
import { LineBuffer } from './line-buffer.js';
import { logVariables, type RequestFacts, type VariableSettings, type VariableSource } from './log-variables.js';

/** Writes a piece of a line: what is always the same, and one value after it. */
type Step = (line: LineBuffer, facts: RequestFacts) => void;

/** Writes the whole line; `facts.vars` has looked through the request. */
export type CompiledFormat = Step;

export interface FormatSettings extends VariableSettings {
  readonly template: LogTemplate;
}

type ChangingSource = Exclude<VariableSource, { readonly kind: 'constant' }>;

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
      steps.push(stepOf(Buffer.from(text), source, form, Buffer.from(emptyText(form, template.empty)), facts));
      text = '';
    }
  }
  const last = Buffer.from(text);
  return (line, current) => {
    for (let i = 0; i < steps.length; i++) (steps[i] as Step)(line, current);
    line.raw(last);
  };
}

function sourceOf(part: TemplatePart, variables: ReturnType<typeof logVariables>): VariableSource | string | undefined {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'variable':
      return variables[part.name];
    case 'request':
      return { kind: 'request', name: part.name };
    case 'nothing':
      return undefined;
    default:
      return part satisfies never;
  }
}

function stepOf(
  before: Uint8Array,
  source: ChangingSource,
  form: ValueForm,
  empty: Uint8Array,
  facts: RequestFacts,
): Step {
  switch (source.kind) {
    case 'request':
      return requestStep(before, facts.vars.want(source.name), form, empty);
    case 'number':
      return (line, current) => {
        line.raw(before);
        line.number(source.read(current));
      };
    case 'text':
      return textStep(before, source.read, form, empty);
    case 'numeral':
      return (line, current) => {
        line.raw(before);
        line.text(source.read(current));
      };
    default:
      return source satisfies never;
  }
}

function requestStep(before: Uint8Array, index: number, form: ValueForm, empty: Uint8Array): Step {
  return (line, { packet, vars }) => {
    line.raw(before);
    const start = vars.start(index);
    const end = vars.end(index);
    if (start === end) line.raw(empty);
    else line.value(packet, start, end, form);
  };
}

/** Dates and the like: many requests have the same. */
function textStep(before: Uint8Array, read: (facts: RequestFacts) => string, form: ValueForm, empty: Uint8Array): Step {
  const shown = new LineBuffer();
  let text: string | undefined;
  let bytes = before;
  return (line, facts) => {
    const now = read(facts);
    if (now !== text) {
      text = now;
      shown.clear();
      shown.raw(before);
      if (now === '') shown.raw(empty);
      else shown.valueText(now, form);
      bytes = Buffer.from(shown.bytes.subarray(0, shown.length));
    }
    line.raw(bytes);
  };
}

function emptyText(form: ValueForm, empty: string): string {
  return form === 'json' ? 'null' : empty;
}
