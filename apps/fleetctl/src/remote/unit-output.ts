import type { MachineInfo } from '@fleet/api-client/fast';

export interface OutputRequest {
  readonly unit: string;
  readonly lines: string;
  /** A mode of `journalctl --output`. */
  readonly mode: string;
  readonly follow?: boolean;
  readonly sudo?: boolean;
  /** Says so when there is no output yet, in the words of journalctl, or waits for it when following; otherwise there is just none. */
  readonly sayEmpty?: boolean;
}

/** Modes of journalctl that the plain lines of a file pass for. */
const PLAIN_MODES: ReadonlySet<string> = new Set(['short', 'cat']);

/** The file begins with the unit's first run, so it may not be there yet. -F outlives the moment when a large file is put aside. */
const SHOW_FILE = {
  end: '[ -e "$2" ] || exit 0; exec tail -n "$1" -- "$2"',
  endOrEmpty: '[ -e "$2" ] || { echo "-- No entries --"; exit 0; }; exec tail -n "$1" -- "$2"',
  follow: 'until [ -e "$2" ]; do sleep 1; done; exec tail -n "$1" -F -- "$2"',
};

/** Words of the command that prints the output of a unit on its machine: from the journal, or where there is none from the file that fleetd keeps. */
export function outputCommand(machine: MachineInfo | undefined, request: OutputRequest): readonly string[] {
  const { unit, lines, mode, follow = false, sudo = false, sayEmpty = false } = request;
  const prefix = sudo ? ['sudo'] : [];
  if (machine?.unitLogs === undefined) return [...prefix, 'journalctl', '--unit', unit, '--no-pager', '-n', lines, '--output', mode, ...(follow ? ['-f'] : [])];
  const script = follow ? SHOW_FILE.follow : sayEmpty ? SHOW_FILE.endOrEmpty : SHOW_FILE.end;
  return [...prefix, 'sh', '-c', script, 'sh', lines, `${machine.unitLogs}/${unit}.log`];
}

/** Why the output of units on a machine cannot be shown in a mode; undefined if it can. */
export function unavailableMode(machine: MachineInfo | undefined, mode: string): string | undefined {
  if (machine?.unitLogs === undefined || PLAIN_MODES.has(mode)) return undefined;
  return `machine ${machine.id} has no journal but plain files, which --output=${mode} cannot show; use --output=cat`;
}
