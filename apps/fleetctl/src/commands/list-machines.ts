import type { MachineInfo } from '@fleet/api-client/fast';
import type { CommandModule } from '../cli/definition.ts';
import { machineColumns } from '../view/columns.ts';
import { byText, runListing, type Listing } from './listing.ts';

const listing: Listing<MachineInfo> = {
  columns: machineColumns,
  gather: async (client, signal) => (await client.listMachines({}, { signal })).machines,
  rowsOf: (view) => [...view.machines.values()].sort(byText((machine) => machine.id)),
  nameOf: (machine) => machine.id,
  machineColumns: [],
  hasMachine: () => false,
  toJson: (machine) => machine,
  describeError: (reason) =>
    [
      `Error retrieving list of active machines from fleet API (${reason})`,
      'Possible issues:',
      '  etcd is unhealthy and/or lost quorum',
      '  connection cannot be established to any etcd servers',
    ].join('\n'),
};

export const run: CommandModule['run'] = (context, flags) => runListing(context, flags, [], listing);
