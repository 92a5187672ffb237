import type { UnitStateInfo } from '@fleet/api-client/fast';
import type { CommandModule } from '../cli/definition.ts';
import { unitColumns } from '../view/columns.ts';
import { byText, runListing, type Listing } from './listing.ts';

const listing: Listing<UnitStateInfo> = {
  columns: unitColumns,
  gather: async (client, signal) => (await client.listStates({}, { signal })).states,
  rowsOf: (view) => [...view.states.values()].flatMap((states) => [...states.values()]).sort(byText((state) => `${state.name}\0${state.machineID}`)),
  nameOf: (state) => state.name,
  machineColumns: ['machine'],
  hasMachine: (state) => state.machineID !== '',
  toJson: (state, machines) => ({ ...state, primaryIP: machines.get(state.machineID)?.primaryIP }),
  describeError: (reason) => `Error retrieving list of units from repository: ${reason}`,
};

export const run: CommandModule['run'] = (context, flags, args) => runListing(context, flags, args, listing);
