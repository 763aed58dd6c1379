// A log template, compiled: a list of steps that each write a piece of the line. Done once; a request walks the list.
import type { LogTemplate, TemplatePart, ValueForm } from '../base/log-template.js';
import { FixedBytes, LineBuffer } from './line-buffer.js';
import { logVariables, type RequestFacts, type VariableSettings, type VariableSource } from './log-variables.js';
import type { WantedVars } from './wanted-vars.js';

/** Writes a piece of a line: what is always the same, and one value after it. */
type Step = (line: LineBuffer, facts: RequestFacts) => void;

/** Writes the whole line; `facts.vars` has looked through the request. */
export type CompiledFormat = Step;

export interface FormatSettings extends VariableSettings {
  readonly template: LogTemplate;
}

type RequestSource = Extract<VariableSource, { readonly kind: 'request' }>;
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
      steps.push(stepOf(text, source, form, emptyText(form, template.empty), facts));
      text = '';
    }
  }
  const last = fixed(text);
  return (line, current) => {
    for (let i = 0; i < steps.length; i++) (steps[i] as Step)(line, current);
    line.fixed(last);
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

function stepOf(text: string, source: ChangingSource, form: ValueForm, empty: string, facts: RequestFacts): Step {
  const before = fixed(text);
  switch (source.kind) {
    case 'request':
      return requestStep(before, facts.vars, source, form, fixed(empty));
    case 'number':
      return (line, current) => {
        line.fixed(before);
        line.number(source.read(current));
      };
    case 'text':
      return textStep(text, source.read, form, empty);
    case 'numeral':
      return (line, current) => {
        line.fixed(before);
        line.text(source.read(current));
      };
    default:
      return source satisfies never;
  }
}

function requestStep(
  before: FixedBytes,
  wanted: WantedVars,
  { name, otherwise = name }: RequestSource,
  form: ValueForm,
  empty: FixedBytes,
): Step {
  const first = wanted.want(name);
  const second = wanted.want(otherwise);
  return (line, { packet, vars }) => {
    line.fixed(before);
    const index = vars.start(first) === vars.end(first) ? second : first;
    const start = vars.start(index);
    const end = vars.end(index);
    if (start === end) line.fixed(empty);
    else line.value(packet, start, end, form);
  };
}

/** Dates and the like: many requests have the same. */
function textStep(before: string, read: (facts: RequestFacts) => string, form: ValueForm, empty: string): Step {
  const shown = new LineBuffer();
  let text: string | undefined;
  let bytes = fixed(before);
  return (line, facts) => {
    const now = read(facts);
    if (now !== text) {
      text = now;
      shown.clear();
      shown.text(before);
      if (now === '') shown.text(empty);
      else shown.valueText(now, form);
      bytes = new FixedBytes(shown.bytes.subarray(0, shown.length));
    }
    line.fixed(bytes);
  };
}

function fixed(text: string): FixedBytes {
  return new FixedBytes(Buffer.from(text));
}

function emptyText(form: ValueForm, empty: string): string {
  return form === 'json' ? 'null' : empty;
}
