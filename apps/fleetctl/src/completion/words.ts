import type { FlagDefinition } from '../cli/definition.ts';

/** What completion asks the cluster, after the global flags that the line begins with. */
export const LIST_UNITS = 'list-unit-files --no-legend --fields=unit';
export const LIST_MACHINES = 'list-machines --no-legend --full --fields=machine';

export const SHELLS: readonly string[] = ['bash', 'fish', 'zsh'];

export function flagWords(flags: readonly FlagDefinition[]): string[] {
  return flags.flatMap((flag) => [`--${flag.name}`, ...(flag.letters ?? []).map((letter) => `-${letter}`)]).sort();
}

/** Flags as words whose next word is their value. */
export function valueFlags(flags: readonly FlagDefinition[]): string[] {
  return flagWords(flags.filter((flag) => flag.type !== 'boolean'));
}

/** The flags of all commands and the global ones, each name once. */
export function allFlags(...lists: readonly (readonly FlagDefinition[])[]): FlagDefinition[] {
  return [...new Map(lists.flat().map((flag) => [flag.name, flag])).values()];
}
