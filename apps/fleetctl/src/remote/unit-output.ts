import type { MachineInfo } from '@fleet/api-client/fast';

export interface OutputRequest {
  readonly unit: string;
  readonly lines: string;
  /** A mode of `journalctl --output`. */
  readonly mode: string;
  readonly follow?: boolean;
  readonly sudo?: boolean;
}

/** Modes of journalctl that the plain lines of a file pass for. */
const PLAIN_MODES: ReadonlySet<string> = new Set(['short', 'cat']);

/** Words of the command that prints the output of a unit on its machine: from the journal, or where there is none from the file that fleetd keeps. */
export function outputCommand(machine: MachineInfo | undefined, request: OutputRequest): readonly string[] {
  const { unit, lines, mode, follow = false, sudo = false } = request;
  const prefix = sudo ? ['sudo'] : [];
  if (machine?.unitLogs === undefined) return [...prefix, 'journalctl', '--unit', unit, '--no-pager', '-n', lines, '--output', mode, ...(follow ? ['-f'] : [])];
  // -F outlives the moment when a large file is put aside.
  return [...prefix, 'tail', '-n', lines, ...(follow ? ['-F'] : []), `${machine.unitLogs}/${unit}.log`];
}

/** Why the output of units on a machine cannot be shown in a mode; undefined if it can. */
export function unavailableMode(machine: MachineInfo | undefined, mode: string): string | undefined {
  if (machine?.unitLogs === undefined || PLAIN_MODES.has(mode)) return undefined;
  return `machine ${machine.id} has no journal but plain files, which --output=${mode} cannot show; use --output=cat`;
}
