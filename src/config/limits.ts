// The limits of the configuration language. They are far above what a person writes; what passes them is a loop or an attack.

/** Bytes of one configuration file, or of a file named by `@(file)`. */
export const CONFIG_FILE_BYTES_MAX = 16_777_216;
/** Settings in all, after includes and loops. */
export const SETTINGS_MAX = 200_000;
/** Characters of all values, after includes and loops. */
export const SETTINGS_CHARS_MAX = 67_108_864;
/** Files included in all. */
export const INCLUDES_MAX = 1000;
/** Characters that all placeholders of a configuration may bring in together. */
export const EXPANSION_CHARS_MAX = 16_777_216;
/** Files open inside each other by `ini =`. */
export const INCLUDE_DEPTH_MAX = 32;
/** Characters of a placeholder's name, which may be maths or a path. */
export const PLACEHOLDER_CHARS_MAX = 4096;
/** Placeholders whose values hold placeholders, and so on. */
export const PLACEHOLDER_DEPTH_MAX = 100;
/** Problems that are printed; the rest are counted. */
export const PROBLEMS_PRINTED_MAX = 20;
/** `sun_path` holds 108 bytes, one of them the final NUL (unix(7)). */
export const UNIX_PATH_BYTES_MAX = 107;
