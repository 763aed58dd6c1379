// Collects settings in the order in which they count: environment, command line, and files where they stand. What the
// language does while reading happens here: includes, blocks, declared options. Placeholders are filled in later.
import { realpathSync } from 'node:fs';
import { decodeText, parseFileSpec, readBytes, readFailure, resolveFile } from './config-file.js';
import { declaredSettings, parseAssignment } from './declared.js';
import { ExpansionBudget, expandEarly } from './expand.js';
import { readIni } from './ini-reader.js';
import { INCLUDE_DEPTH_MAX, INCLUDES_MAX, SETTINGS_CHARS_MAX, SETTINGS_MAX } from './limits.js';
import { type BlockName, blockValues } from './logic.js';
import { absoluteName, fileMagic, processMagic, replaceMagic } from './magic.js';
import { findOption } from './options.js';
import { isLogicName, type LogicName } from './options-language.js';
import { atPlace, type Place, type Report, type Setting, type SettingRole } from './setting.js';
import { VERSION } from './version.js';

/** What configuration is read from besides files. */
export interface LoadContext {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly report: Report;
}

interface OpenFile {
  /** As it was named; what errors show. */
  readonly shown: string;
  readonly absolute: string;
  readonly section: string;
}

interface OpenBlock {
  readonly name: BlockName | 'else';
  readonly place: Place;
  /** For each of these a line is read; undefined leaves `%(_)` as it is. */
  readonly values: readonly (string | undefined)[];
  /** How many files were open where it began. */
  readonly depth: number;
}

/** The section that is read when none is named. */
const DEFAULT_SECTION = 'uwsgi';
/** Set by uWSGI for its children; no options. */
const ENVIRONMENT_IGNORED = new Set(['UWSGI_RELOADS', 'UWSGI_ORIGINAL_PROC_NAME', 'UWSGI_JAIL_PID']);
const ENVIRONMENT_IGNORED_PREFIX = /^UWSGI_(EMPEROR|BROODLORD|VASSALS)_/;

export class SettingsLoader {
  readonly settings: Setting[] = [];
  /** Names of `declare-option`, with what they stand for. */
  readonly #declared = new Map<string, string>();
  readonly #context: LoadContext;
  readonly #magic: Map<string, string>;
  readonly #first = new Map<string, string>();
  readonly #open: OpenFile[] = [];
  readonly #budget: ExpansionBudget;
  #block: OpenBlock | undefined;
  /** Blocks inside the open one: an error each, whose ends are not errors again. */
  #nested = 0;
  #derivedDepth = 0;
  #includes = 0;
  #chars = 0;
  #full = false;

  constructor(context: LoadContext) {
    this.#context = context;
    this.#budget = new ExpansionBudget(context.report);
    this.#magic = processMagic(context.cwd, VERSION);
  }

  /** `UWSGI_MAX_REQUESTS=100` is `max-requests = 100`. */
  addEnvironment(place: Place): void {
    for (const [name, value] of Object.entries(this.#context.env)) {
      if (!name.startsWith('UWSGI_') || ENVIRONMENT_IGNORED.has(name) || ENVIRONMENT_IGNORED_PREFIX.test(name))
        continue;
      const key = name.slice('UWSGI_'.length).toLowerCase().replaceAll('_', '-');
      // UWSGI_VERSION is what images call the version they install.
      if (findOption(key)?.group !== 'command') this.add(key, value ?? '', place);
    }
  }

  /** One `key = value`, wherever it stood. */
  add(key: string, value: string, place: Place, bare = false): void {
    if (this.#full) return;
    const logic = logicName(key);
    if (logic !== undefined) {
      this.#push(key, value, place, 'control', bare);
      if (logic === 'else') this.#elseBlock(place);
      else if (logic === 'endif' || logic === 'endfor' || logic === 'end') this.#endBlock(key, place);
      else this.#beginBlock(logic, value, place);
      return;
    }
    for (const item of this.#block?.values ?? [undefined]) {
      this.#act(key, item === undefined ? value : value.replaceAll('%(_)', () => item), place, bare);
      if (this.#full) return;
    }
  }

  /** After the last setting: a block that is still open is an error. */
  finish(): void {
    this.#closeBlocksOf(0);
  }

  #act(key: string, value: string, place: Place, bare: boolean): void {
    const row = findOption(key);
    if (row?.name === 'ini') {
      this.#push(key, value, place, 'control', bare);
      this.#include(this.#early(value, place), place);
    } else if (row?.name === 'set-placeholder' || row?.name === 'set' || row?.name === 'declare-option') {
      this.#assign(row.name, key, value, place);
    } else {
      const template = row === undefined ? this.#declared.get(key) : undefined;
      this.#push(key, value, place, template === undefined ? 'plain' : 'placeholder', bare);
      if (template !== undefined) this.#derive(key, template, value, place);
    }
  }

  #assign(kind: 'set-placeholder' | 'set' | 'declare-option', key: string, value: string, place: Place): void {
    const assignment = parseAssignment(value);
    if (assignment === undefined) {
      this.#context.report.badOption(place, key, `NAME=VALUE is wanted, got "${value}"`);
    } else if (kind === 'set') {
      this.add(assignment.name, assignment.value, place);
    } else if (findOption(assignment.name) !== undefined) {
      this.#context.report.badOption(place, key, `"${assignment.name}" is an option already`);
    } else if (kind === 'set-placeholder') {
      this.#push(assignment.name, assignment.value, place, 'placeholder', false);
    } else {
      this.#declared.set(assignment.name, assignment.value);
      this.#push(key, value, place, 'control', false);
    }
  }

  #derive(key: string, template: string, value: string, place: Place): void {
    const { report } = this.#context;
    if (this.#derivedDepth >= INCLUDE_DEPTH_MAX) {
      report.badOption(place, key, 'declared options go round in a circle');
      return;
    }
    const derived = declaredSettings(template, value);
    if (typeof derived === 'string') {
      report.badOption(place, key, derived);
      return;
    }
    this.#derivedDepth += 1;
    for (const setting of derived) this.add(setting.name, setting.value, place);
    this.#derivedDepth -= 1;
  }

  #include(spec: string, place: Place): void {
    const { cwd, report } = this.#context;
    const { file, section } = parseFileSpec(spec);
    const including = this.#open.at(-1);
    if (file === '' && including === undefined) {
      report.badOption(place, 'ini', `a file is wanted, got "${spec}"`);
      return;
    }
    const shown = file === '' ? (including?.shown ?? '') : file;
    const absolute = file === '' ? (including?.absolute ?? '') : resolveFile(file, including?.absolute, cwd);
    const opened = this.#read(shown, absolute, section, place);
    if (opened === undefined) return;
    this.#open.push(opened.file);
    const magic = new Map([...this.#magic, ...fileMagic(shown, opened.file.absolute, section ?? '')]);
    const { entries, found } = readIni(opened.text, shown, opened.file.section, report);
    if (!found) report.warn(place, 'No section', `: "${shown}" has no [${opened.file.section}]`);
    for (const entry of entries) {
      const value = replaceMagic(entry.value, magic, (letter) => {
        report.warn(entry.place, `"%${letter}"`, ' is no magic letter and stays; a percent sign is written %%');
      });
      this.add(entry.key, value, entry.place, entry.bare);
    }
    this.#open.pop();
    this.#closeBlocksOf(this.#open.length + 1);
  }

  #read(shown: string, absolute: string, asked: string | undefined, place: Place) {
    const { report } = this.#context;
    const section = asked ?? DEFAULT_SECTION;
    const fail = (why: string) => {
      report.problem(place, `Cannot read configuration file "${shown}"`, why, 'ini', 'ERR_FILE');
      return undefined;
    };
    if (/^[a-z]+:\/\//.test(shown)) return fail('only a local file can be read');
    try {
      const real = realpathSync(absolute);
      const circle = this.#open.some((open) => realpathSync(open.absolute) === real && open.section === section);
      if (circle) return fail(`[${section}] includes itself`);
      if (this.#open.length >= INCLUDE_DEPTH_MAX)
        return fail(`more than ${INCLUDE_DEPTH_MAX} files include each other`);
      this.#includes += 1;
      if (this.#includes > INCLUDES_MAX) return fail(`more than ${INCLUDES_MAX} files are included`);
      const text = decodeText(readBytes(absolute));
      return { text, file: { shown, absolute: absoluteName(absolute), section } };
    } catch (error) {
      return fail(readFailure(error));
    }
  }

  #beginBlock(name: BlockName, argument: string, place: Place): void {
    const { report } = this.#context;
    if (this.#block !== undefined) {
      this.#nested += 1;
      report.badOption(
        place,
        name,
        `blocks are not nested; "${this.#block.name}"${atPlace(this.#block.place)} is open`,
      );
      return;
    }
    let values: readonly string[] = [];
    try {
      values = blockValues(name, this.#early(argument, place), this.#view());
    } catch (error) {
      report.badOption(place, name, readFailure(error));
    }
    this.#block = { name, place, values, depth: this.#open.length };
  }

  #elseBlock(place: Place): void {
    if (this.#nested > 0) return;
    if (this.#block === undefined || !this.#block.name.startsWith('if-')) {
      this.#context.report.badOption(place, 'else', 'no if is open here');
      return;
    }
    const values = this.#block.values.length === 0 ? [undefined] : [];
    this.#block = { name: 'else', place, values, depth: this.#open.length };
  }

  #endBlock(key: string, place: Place): void {
    if (this.#nested > 0) {
      this.#nested -= 1;
      return;
    }
    if (this.#block === undefined) this.#context.report.badOption(place, key, 'no if or for is open here');
    this.#block = undefined;
  }

  #closeBlocksOf(depth: number): void {
    if (this.#block === undefined || this.#block.depth < depth) return;
    this.#context.report.badOption(this.#block.place, this.#block.name, 'it is never ended');
    this.#block = undefined;
    this.#nested = 0;
  }

  #early(text: string, place: Place): string {
    return expandEarly(text, place, this.#view(), this.#budget);
  }

  #view() {
    const { cwd, env } = this.#context;
    return { cwd, env, lookup: (key: string) => this.#first.get(key) };
  }

  #push(key: string, value: string, place: Place, role: SettingRole, bare: boolean): void {
    this.#chars += value.length;
    if (this.settings.length >= SETTINGS_MAX || this.#chars > SETTINGS_CHARS_MAX) {
      if (!this.#full)
        this.#context.report.problem(place, 'Too many settings', 'a loop or an include makes no end of them');
      this.#full = true;
      return;
    }
    this.settings.push({ key, value, place, role, bare });
    if (!this.#first.has(key)) this.#first.set(key, value);
  }
}

function logicName(key: string): LogicName | undefined {
  const name = findOption(key)?.name;
  return name !== undefined && isLogicName(name) ? name : undefined;
}
