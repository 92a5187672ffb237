import { stringFlag, type CommandDefinition, type FlagDefinition } from '../cli/definition.ts';
import { listingFlags } from './globals.ts';

const UNIT_FIELDS = ['unit', 'load', 'active', 'sub', 'machine', 'hash'] as const;
const UNIT_FILE_FIELDS = ['unit', 'hash', 'dstate', 'state', 'target', 'global', 'desc', 'tmachine'] as const;
const MACHINE_FIELDS = ['machine', 'ip', 'metadata'] as const;

// Each has a column in `view/columns.ts`, which help and completion do without.
export type UnitField = (typeof UNIT_FIELDS)[number];
export type UnitFileField = (typeof UNIT_FILE_FIELDS)[number];
export type MachineField = (typeof MACHINE_FIELDS)[number];

function fieldsFlag(defaultValue: string, values: readonly string[]): FlagDefinition {
  return stringFlag('fields', defaultValue, 'columns to show, separated by commas', { values, list: true });
}

const { full, noLegend, json, watch } = listingFlags;

export const listUnits: CommandDefinition = {
  name: 'list-units',
  summary: 'Show the units that machines hold, with their state in systemd',
  usage: 'list-units [--fields FIELDS] [--full] [--no-legend] [--json] [--watch] [UNIT|PATTERN...]',
  description: `One line per unit and machine. Fields: ${UNIT_FIELDS.join(', ')}.`,
  examples: [
    ['fleetctl list-units', 'all units with machine and state'],
    ["fleetctl list-units --full --no-legend --fields=unit,active 'web@*'", 'for a script: names and states of some units'],
    ['fleetctl list-units --watch', 'a table that follows the cluster'],
  ],
  flags: [fieldsFlag('unit,machine,active,sub', UNIT_FIELDS), full, json, noLegend, watch],
  arguments: 'unit',
  load: async () => (await import('../commands/listings.ts')).listUnits,
};

export const listUnitFiles: CommandDefinition = {
  name: 'list-unit-files',
  summary: 'Show the units that the cluster knows, with what is wanted of them',
  usage: 'list-unit-files [--fields FIELDS] [--full] [--no-legend] [--json] [--watch] [UNIT|PATTERN...]',
  description: `One line per unit, templates included. Fields: ${UNIT_FILE_FIELDS.slice(0, -1).join(', ')}.`,
  examples: [
    ['fleetctl list-unit-files', 'all units with desired state, current state and machine'],
    ['fleetctl list-unit-files --fields=unit,desc', 'what each unit is for'],
  ],
  flags: [fieldsFlag('unit,hash,dstate,state,target', UNIT_FILE_FIELDS), full, json, noLegend, watch],
  arguments: 'unit',
  load: async () => (await import('../commands/listings.ts')).listUnitFiles,
};

export const listMachines: CommandDefinition = {
  name: 'list-machines',
  summary: 'Show the machines of the cluster',
  usage: 'list-machines [--fields FIELDS] [--full] [--no-legend] [--json] [--watch]',
  description: `One line per machine. Fields: ${MACHINE_FIELDS.join(', ')}.`,
  examples: [
    ['fleetctl list-machines', 'all machines with address and metadata'],
    ['fleetctl list-machines --full --no-legend --fields=machine', 'for a script: whole machine ids'],
  ],
  flags: [fieldsFlag(MACHINE_FIELDS.join(','), MACHINE_FIELDS), full, json, noLegend, watch],
  arguments: 'none',
  load: async () => (await import('../commands/listings.ts')).listMachines,
};
