import { FollowedCluster, type ChangeEvent, type ClusterView, type FleetClient, type MachineInfo } from '@fleet/api-client/fast';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { tellError } from '../cli/describe-failure.ts';
import type { CellContext, Column } from '../view/columns.ts';
import { formatTable } from '../view/table.ts';
import { showLive } from '../view/live-table.ts';
import { nameMatcher } from './unit-names.ts';

/** What one of the three listings shows. */
export interface Listing<T> {
  readonly columns: Readonly<Record<string, Column<T>>>;
  /** Reads the rows. */
  readonly gather: (client: FleetClient, signal: AbortSignal) => Promise<readonly T[]>;
  /** The rows of a followed cluster, for --watch. */
  readonly rowsOf: (view: ClusterView) => readonly T[];
  readonly nameOf: (row: T) => string;
  /** Columns that name machines by their address, and whether a row has one to name. */
  readonly machineColumns: readonly string[];
  readonly hasMachine: (row: T) => boolean;
  /** What --json prints of a row. */
  readonly toJson: (row: T, machines: ReadonlyMap<string, MachineInfo>) => unknown;
  readonly describeError: (reason: string) => string;
}

/** Prints a listing once, or again and again with --watch. */
export async function runListing<T>(context: Context, flags: Flags, args: readonly string[], listing: Listing<T>): Promise<number> {
  const { stdout, stderr } = context;
  const fields = flags.text('fields') === '' ? [] : flags.text('fields').split(',');
  if (fields.length === 0) {
    stderr.write('Must define output format\n');
    return 1;
  }
  const columns: Column<T>[] = [];
  for (const field of fields) {
    const column = Object.hasOwn(listing.columns, field) ? listing.columns[field] : undefined;
    if (column === undefined) {
      stderr.write(`Invalid key in output format: ${JSON.stringify(field)}\n`);
      return 1;
    }
    columns.push(column);
  }
  if (fields.includes('tmachine')) stderr.write('WARNING: The "tmachine" field is deprecated. Use "target" instead\n');

  const matches = nameMatcher(args);
  const json = flags.on('json');
  const render = (rows: readonly T[], machines: ReadonlyMap<string, MachineInfo>): string => {
    const shown = args.length === 0 ? rows : rows.filter((row) => matches(listing.nameOf(row)));
    if (json) return `${JSON.stringify(shown.map((row) => listing.toJson(row, machines)), null, flags.on('watch') ? undefined : 2)}\n`;
    const cells: CellContext = { full: flags.on('full'), machines };
    return formatTable(fields, shown.map((row) => columns.map((column) => column(row, cells))), { legend: !flags.on('no-legend') });
  };
  using client = await context.client();
  try {
    if (flags.on('watch')) {
      const view = new FollowedCluster();
      const take = (change: ChangeEvent): (() => string) | undefined => {
        view.apply(change);
        return change.kind === 'progress' ? undefined : () => render(listing.rowsOf(view), view.machines);
      };
      await showLive(context, client.changes({}, { signal: context.signal }), take, { lines: json });
      return 0;
    }
    const rows = await listing.gather(client, context.signal);
    const needsMachines = rows.some(listing.hasMachine) && (json || fields.some((field) => listing.machineColumns.includes(field)));
    const machines = needsMachines ? (await client.listMachines({}, { signal: context.signal })).machines : [];
    stdout.write(render(rows, new Map(machines.map((machine) => [machine.id, machine]))));
    return 0;
  } catch (error) {
    return tellError(error, stderr, listing.describeError);
  }
}

/** By name in byte order, which for these names is the order of code units. */
export function byText<T>(textOf: (value: T) => string): (a: T, b: T) => number {
  return (a, b) => {
    const left = textOf(a);
    const right = textOf(b);
    return left < right ? -1 : left > right ? 1 : 0;
  };
}
