import type { Output } from '../cli/context.ts';

/** Colours and signs; plain text anywhere but on a terminal, and no colours with NO_COLOR. */
export interface Style {
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly unicode: boolean;
}

export function styleOf(output: Pick<Output, 'isTerminal'>, env: NodeJS.ProcessEnv): Style {
  const colours = output.isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  const locale = env['LC_ALL'] ?? env['LC_CTYPE'] ?? env['LANG'] ?? '';
  const paint =
    (on: number, off: number) =>
    (text: string): string =>
      colours ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    dim: paint(2, 22),
    bold: paint(1, 22),
    unicode: output.isTerminal && /utf-?8/i.test(locale),
  };
}
