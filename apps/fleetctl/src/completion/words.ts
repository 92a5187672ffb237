import type { FlagDefinition } from '../cli/definition.ts';

/** What completion asks the cluster; silent when it cannot be reached. */
export const LIST_UNITS = 'fleetctl list-unit-files --no-legend --fields=unit 2>/dev/null';
export const LIST_MACHINES = 'fleetctl list-machines --no-legend --full --fields=machine 2>/dev/null';

export const SHELLS: readonly string[] = ['bash', 'fish', 'zsh'];

export function flagWords(flags: readonly FlagDefinition[]): string[] {
  return flags.map((flag) => `--${flag.name}`).sort();
}
