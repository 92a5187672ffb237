import type { UnitSummary } from '@fleet/api-client/fast';
import type { CommandModule } from '../cli/definition.ts';
import { unitFileColumns } from '../view/columns.ts';
import { byText, runListing, type Listing } from './listing.ts';

const listing: Listing<UnitSummary> = {
  columns: unitFileColumns,
  gather: async (client, signal) => (await client.listUnits({}, { signal })).units,
  rowsOf: (view) => [...view.units.values()].sort(byText((unit) => unit.name)),
  nameOf: (unit) => unit.name,
  machineColumns: ['target', 'tmachine'],
  hasMachine: (unit) => !unit.global && unit.machineID !== undefined && unit.machineID !== '',
  toJson: (unit, machines) => ({ ...unit, primaryIP: unit.machineID === undefined ? undefined : machines.get(unit.machineID)?.primaryIP }),
  describeError: (reason) => `Error retrieving list of units from repository: ${reason}`,
};

export const run: CommandModule['run'] = (context, flags, args) => runListing(context, flags, args, listing);
