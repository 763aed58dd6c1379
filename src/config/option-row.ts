// What a row of the option table may say. A row is data: the parsers, `--help`, validation and the documentation read it.

/** How a value is read. */
export type OptionKind =
  | 'flag' // true unless false, off, no or 0; a bare name is true
  | 'count' // a whole number, `unit` says of what
  | 'size' // bytes; k, m or g multiplies by 1024
  | 'megabytes' // a whole number of megabytes
  | 'seconds' // a whole number of seconds
  | 'milliseconds' // a whole number of milliseconds
  | 'mode' // octal digits
  | 'text' // any text
  | 'choice' // one of `choices`
  | 'address' // a socket address
  | 'https-address' // ADDR,CERT,KEY[,CIPHERS[,CA]]
  | 'redirect-address' // ADDR[,PORT]
  | 'assignment'; // NAME=value

export type OptionGroup =
  | 'command'
  | 'configuration'
  | 'application'
  | 'sockets'
  | 'workers'
  | 'requests'
  | 'routing'
  | 'lifecycle'
  | 'process'
  | 'logging'
  | 'static'
  | 'stats'
  | 'compatibility';

/**
 * Whether an option does something:
 * - works: it does what its help says;
 * - accepted: it has no meaning here, `note` says why; said once at start;
 * - refused: an error; `note` says what to do instead.
 */
export type OptionStatus = 'works' | 'accepted' | 'refused';

interface RowBase {
  /** As uWSGI names it. */
  readonly name: string;
  /** Other names of the same option. */
  readonly aliases?: readonly string[];
  /** The letter of the command line, as in uWSGI. */
  readonly short?: string;
  readonly group: OptionGroup;
  /** One sentence or two, no period at the end. */
  readonly help: string;
  readonly status: OptionStatus;
  /** For `accepted` the reason, for `refused` what to do instead. */
  readonly note?: string;
  /** May stand several times; the values are a list. */
  readonly repeat?: true;
  /** `%(name)` in its value may be something else than a placeholder (a log-format variable): no warning if it stays. */
  readonly keepsPlaceholders?: true;
  /** What the value is called in `--help`; the kind says it otherwise. */
  readonly placeholder?: string;
}

export interface NumberRow extends RowBase {
  readonly kind: 'count' | 'size' | 'megabytes' | 'seconds' | 'milliseconds';
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  /** A larger value is lowered to this, with a warning. */
  readonly clampMax?: number;
  readonly default?: number;
  /** What a bare name, or a word for true, means where that is allowed; a word for false is then 0. */
  readonly bare?: number;
}

interface FlagRow extends RowBase {
  readonly kind: 'flag';
  readonly default?: boolean;
}

interface ModeRow extends RowBase {
  readonly kind: 'mode';
  /** Fewest and most octal digits. */
  readonly digits: readonly [number, number];
  readonly bare?: number;
}

interface TextRow extends RowBase {
  readonly kind: 'text';
  readonly default?: string;
  /** What a bare name, or an empty value, means; without it that is an error. */
  readonly bare?: string;
  /** `true` is no text but the same as the bare name. */
  readonly trueIsBare?: true;
}

interface ChoiceRow extends RowBase {
  readonly kind: 'choice';
  readonly choices: readonly string[];
  readonly default?: string;
}

interface PlainRow extends RowBase {
  readonly kind: 'address' | 'https-address' | 'redirect-address' | 'assignment';
}

export type OptionRow = NumberRow | FlagRow | ModeRow | TextRow | ChoiceRow | PlainRow;
