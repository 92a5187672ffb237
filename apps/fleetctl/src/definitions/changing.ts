import { booleanFlag, type CommandDefinition } from '../cli/definition.ts';
import { waitingFlags } from './globals.ts';

const replace = booleanFlag('replace', 'put the local text in the place of a different one in the cluster');
const sign = booleanFlag('sign', 'without meaning; kept for old scripts');
const { noBlock, blockAttempts, wait } = waitingFlags;

const UNIT_TEXT =
  'A unit that the cluster does not know is created from the file of the argument, or, for an instance such as web@1.service, from its template in the cluster or beside the argument. A unit that it knows is left as it is; when a local file differs, the difference is shown.';

export const submit: CommandDefinition = {
  name: 'submit',
  summary: 'Make units known to the cluster without placing them',
  usage: 'submit [--replace] UNIT|PATTERN...',
  description: UNIT_TEXT,
  examples: [
    ['fleetctl submit web@.service', 'upload a template'],
    ['fleetctl submit --replace hello.service', 'upload a changed file; only for units that are inactive'],
  ],
  flags: [replace, sign],
  arguments: 'unit-file',
  load: async () => (await import('../commands/index.ts')).submit,
};

export const load: CommandDefinition = {
  name: 'load',
  summary: 'Place units on machines without starting them',
  usage: 'load [--replace] [--no-block|--block-attempts N|--wait] UNIT|PATTERN...',
  description: `${UNIT_TEXT}\nLoading a unit that is launched stops it.`,
  examples: [['fleetctl load hello.service', 'place it and have systemd know it']],
  flags: [blockAttempts, noBlock, replace, sign, wait],
  arguments: 'unit-file',
  load: async () => (await import('../commands/index.ts')).load,
};

export const start: CommandDefinition = {
  name: 'start',
  summary: 'Start units somewhere in the cluster',
  usage: 'start [--replace] [--no-block|--block-attempts N|--wait] UNIT|PATTERN...',
  description: `${UNIT_TEXT}\nWaits until systemd says that each unit is up. When a unit cannot be placed or fails, says why and ends with 1.`,
  examples: [
    ['fleetctl start hello.service', 'submit it if need be, place it, start it'],
    ['fleetctl start web@{1..3}', 'three instances of a template'],
    ['fleetctl start --replace hello.service', 'roll out a changed file'],
  ],
  flags: [blockAttempts, noBlock, replace, sign, wait],
  arguments: 'unit-file',
  load: async () => (await import('../commands/index.ts')).start,
};

export const stop: CommandDefinition = {
  name: 'stop',
  summary: 'Stop units but leave them on their machines',
  usage: 'stop [--no-block|--block-attempts N] UNIT|PATTERN...',
  description: 'Their desired state becomes loaded. Waits until they have stopped.',
  examples: [
    ['fleetctl stop hello.service', 'stop one unit'],
    ["fleetctl stop 'web@*'", 'stop all instances of a template'],
  ],
  flags: [blockAttempts, noBlock],
  arguments: 'unit',
  load: async () => (await import('../commands/index.ts')).stop,
};

export const unload: CommandDefinition = {
  name: 'unload',
  summary: 'Take units off their machines but keep them in the cluster',
  usage: 'unload [--no-block|--block-attempts N] UNIT|PATTERN...',
  description: 'Their desired state becomes inactive. Waits until no machine holds them.',
  examples: [['fleetctl unload hello.service', 'stop it and take it off its machine']],
  flags: [blockAttempts, noBlock],
  arguments: 'unit',
  load: async () => (await import('../commands/index.ts')).unload,
};

export const destroy: CommandDefinition = {
  name: 'destroy',
  summary: 'Stop units and remove them from the cluster',
  usage: 'destroy [--no-block|--block-attempts N] UNIT|PATTERN...',
  description: 'Waits until they are gone from every machine.',
  examples: [
    ['fleetctl destroy hello.service', 'remove one unit'],
    ["fleetctl destroy --no-block 'web@*'", 'remove all instances and do not wait for them to stop'],
  ],
  flags: [blockAttempts, noBlock],
  arguments: 'unit',
  load: async () => (await import('../commands/index.ts')).destroy,
};

export const restart: CommandDefinition = {
  name: 'restart',
  summary: 'Stop units and start them again where they are',
  usage: 'restart [--block-attempts N|--wait] UNIT|PATTERN...',
  description: 'All of them together: waits until they have stopped, starts them and waits until they are up again. Global units are stopped and started on all their machines at once.',
  examples: [['fleetctl restart hello.service', 'stop, then start']],
  flags: [blockAttempts, wait],
  arguments: 'unit',
  load: async () => (await import('../commands/index.ts')).restart,
};
