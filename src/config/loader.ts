// Collects settings in the order in which they count: environment, command line, and files where they stand. What the
// language does while reading happens here: includes, blocks, declared options. Placeholders are filled in later.
import { realpathSync } from 'node:fs';
import { decodeText, parseFileSpec, readFailure, resolveFile } from './config-file.js';
import { declaredSettings, parseAssignment } from './declared.js';
import { environmentSettings } from './environment.js';
import { ExpansionBudget, expandEarly } from './expand.js';
import { readIni } from './ini-reader.js';
import { INCLUDE_DEPTH_MAX, INCLUDES_MAX, SETTINGS_CHARS_MAX, SETTINGS_MAX } from './limits.js';
import { type BlockName, blockValues } from './logic.js';
import { absoluteName, fileMagic, processMagic, replaceMagic } from './magic.js';
import type { OperatorFiles } from './operator-files.js';
import { findOption } from './options.js';
import { isLogicName, type LogicName } from './options-language.js';
import {
  atPlace,
  COMMAND_LINE,
  type Place,
  type Report,
  SET_ON_COMMAND_LINE,
  type Setting,
  type SettingRole,
} from './setting.js';
import { VERSION } from './version.js';

/** What configuration is read from besides files. */
export interface LoadContext {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly report: Report;
  readonly files: OperatorFiles;
}

interface OpenFile {
  /** As it was named, `%o`. */
  readonly given: string;
  /** What errors show: from the directory at hand, if it was named so. */
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

export class SettingsLoader {
  readonly settings: Setting[] = [];
  /** Keys that a placeholder or a condition asked for while reading. */
  readonly used = new Set<string>();
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

  /** The `UWSGI_*` variables. */
  addEnvironment(): void {
    for (const { key, value, place } of environmentSettings(this.#context.env)) this.add(key, value, place);
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
      this.add(assignment.name, assignment.value, place === COMMAND_LINE ? SET_ON_COMMAND_LINE : place);
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
    if (spec === '' || (file === '' && including === undefined)) {
      report.badOption(place, 'ini', `a file is wanted, got "${spec}"`);
      return;
    }
    const named =
      file === '' && including !== undefined ? including : { given: file, ...resolveFile(file, including, cwd) };
    const opened = this.#read({ ...named, section: section ?? DEFAULT_SECTION }, place);
    if (opened === undefined) return;
    const { given, shown, absolute, section: wanted } = opened.file;
    this.#open.push(opened.file);
    const magic = new Map([...this.#magic, ...fileMagic(given, absolute, section ?? '')]);
    const { entries, sections } = readIni(opened.text, shown, wanted, report);
    if (!sections.includes(wanted)) report.warn(place, 'No section', noSection(shown, wanted, sections));
    for (const entry of entries) {
      const value = replaceMagic(entry.value, magic, (letter) => {
        report.warn(entry.place, `"%${letter}"`, ' is no magic letter and stays; a percent sign is written %%');
      });
      this.add(entry.key, value, entry.place, entry.bare);
    }
    this.#open.pop();
    this.#closeBlocksOf(this.#open.length + 1);
  }

  #read(file: OpenFile, place: Place): { readonly text: string; readonly file: OpenFile } | undefined {
    const { report } = this.#context;
    const { shown, absolute, section } = file;
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
      const text = decodeText(this.#context.files.read(absolute));
      return { text, file: { ...file, absolute: absoluteName(absolute) } };
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
    // When there were too many settings nobody looked at its end.
    if (this.#block === undefined || this.#block.depth < depth || this.#full) return;
    this.#context.report.badOption(this.#block.place, this.#block.name, 'it is never ended');
    this.#block = undefined;
    this.#nested = 0;
  }

  #early(text: string, place: Place): string {
    return expandEarly(text, place, this.#view(), this.#budget);
  }

  #view() {
    const { cwd, env, files } = this.#context;
    const lookup = (key: string) => {
      this.used.add(key);
      return this.#first.get(key);
    };
    return { cwd, env, files, lookup };
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

/** Why nothing was read, and what could be. */
function noSection(file: string, wanted: string, sections: readonly string[]): string {
  const [first] = sections;
  const has =
    first === undefined
      ? `nor any other section: write [${wanted}] above its first line`
      : `but ${sections.map((name) => `[${name}]`).join(', ')}: write ${file}:${first} to read that`;
  return `: "${file}" has no [${wanted}] ${has}`;
}

function logicName(key: string): LogicName | undefined {
  const name = findOption(key)?.name;
  return name !== undefined && isLogicName(name) ? name : undefined;
}
