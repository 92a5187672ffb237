import type { Output } from '../cli/context.ts';

/** Colours and signs; plain ASCII anywhere but on a terminal, and with NO_COLOR. */
export interface Style {
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly unicode: boolean;
}

/** Whether what was written can be written over. */
export function canDrawOver(output: Pick<Output, 'isTerminal'>, env: NodeJS.ProcessEnv): boolean {
  return output.isTerminal && env['TERM'] !== 'dumb';
}

export function styleOf(output: Pick<Output, 'isTerminal'>, env: NodeJS.ProcessEnv): Style {
  const fancy = canDrawOver(output, env) && (env['NO_COLOR'] ?? '') === '';
  const locale = env['LC_ALL'] ?? env['LC_CTYPE'] ?? env['LANG'] ?? '';
  const paint =
    (on: number, off: number) =>
    (text: string): string =>
      fancy ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    dim: paint(2, 22),
    bold: paint(1, 22),
    unicode: fancy && /utf-?8/i.test(locale),
  };
}
