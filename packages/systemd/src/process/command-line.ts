import { expandSpecifiers, type SpecifierContext } from './specifiers.ts';
import { splitRawWords, splitWords } from './words.ts';

/** One command of an `Exec…=` line. */
export interface Command {
  /** An absolute path, or a bare name to be looked up in PATH. */
  readonly path: string;
  /** Arguments with argv[0], variables not yet filled in. */
  readonly argv: readonly string[];
  /** `-`: a failure counts as success. */
  readonly ignoreFailure: boolean;
  /** `:` turns it off. */
  readonly expandVariables: boolean;
}

/**
 * Reads the value of an `ExecStart=` and its like. Prefixes `-`, `@` and `:` are honoured; `+`, `!` and `!!` change
 * nothing because everything runs as the same user. A lone `;` separates commands. Source: systemd `config_parse_exec`.
 *
 * @throws Error saying what is wrong with the line.
 */
export function parseCommandLine(value: string, context: SpecifierContext): Command[] {
  const commands: Command[] = [];
  let words: string[] = [];
  const finish = (): void => {
    if (words.length > 0) commands.push(toCommand(words, context));
    words = [];
  };
  for (const word of splitRawWords(value)) {
    if (word.plain && word.text === ';') finish();
    else words.push(word.text === '\\;' ? ';' : word.text);
  }
  finish();
  if (commands.length === 0) throw new Error('there is no command');
  return commands;
}

function toCommand(words: readonly string[], context: SpecifierContext): Command {
  const [first = '', ...rest] = words;
  const [prefix = ''] = /^[-@:+!]*/.exec(first) ?? [];
  const path = expandSpecifiers(first.slice(prefix.length), context);
  if (path === '') throw new Error('there is no command after its prefix');
  if (path.includes('/') && !path.startsWith('/')) throw new Error(`the command ${path} is neither an absolute path nor a bare name`);
  if (path.endsWith('/')) throw new Error(`the command ${path} is a directory`);
  const args = rest.map((word) => expandSpecifiers(word, context));
  if (prefix.includes('@') && args.length === 0) throw new Error('the prefix "@" asks for a second word, the name to run under');
  return {
    path,
    argv: prefix.includes('@') ? args : [path, ...args],
    ignoreFailure: prefix.includes('-'),
    expandVariables: !prefix.includes(':'),
  };
}

/**
 * Fills variables into arguments: `${NAME}` anywhere in a word; `$NAME` as a word of its own, split at blanks into as
 * many words as it has; `$$` is a dollar sign. What is not set is empty. Source: systemd `replace_env_argv`.
 */
export function expandArguments(argv: readonly string[], environment: Readonly<Record<string, string>>): string[] {
  return argv.flatMap((word, index) => {
    if (index === 0) return [word];
    const name = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(word)?.[1];
    if (name !== undefined) return splitLeniently(environment[name] ?? '');
    return [word.replaceAll(/\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (all, braced: string | undefined) => (all === '$$' ? '$' : (environment[braced ?? ''] ?? '')))];
  });
}

function splitLeniently(value: string): string[] {
  try {
    return splitWords(value);
  } catch {
    return value.split(/\s+/).filter((word) => word !== '');
  }
}
