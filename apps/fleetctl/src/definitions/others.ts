import type { CommandDefinition } from '../cli/definition.ts';

export const fdForward: CommandDefinition = {
  name: 'fd-forward',
  summary: 'Join standard input and output to a unix socket',
  usage: 'fd-forward SOCKET',
  description: 'What --tunnel runs on the bastion.',
  examples: [['fleetctl fd-forward /var/run/fleet.sock', 'speak to the socket']],
  flags: [],
  arguments: 'file',
  load: async () => (await import('../commands/index.ts')).fdForward,
};

export const help: CommandDefinition = {
  name: 'help',
  summary: 'Show all commands, or the help of one',
  usage: 'help [COMMAND]',
  description: '',
  examples: [['fleetctl help start', 'everything about start']],
  flags: [],
  arguments: 'command',
  load: async () => (await import('../commands/index.ts')).help,
};

export const version: CommandDefinition = {
  name: 'version',
  summary: 'Print the version of fleetctl',
  usage: 'version',
  description: '',
  examples: [['fleetctl version', 'one line']],
  flags: [],
  arguments: 'none',
  load: async () => (await import('../commands/index.ts')).version,
};

export const completion: CommandDefinition = {
  name: 'completion',
  summary: 'Print a script that teaches a shell to complete fleetctl',
  usage: 'completion bash|zsh|fish',
  description: 'Commands, flags, units and machines are completed.',
  examples: [
    ['source <(fleetctl completion bash)', 'for this bash; zsh likewise'],
    ['fleetctl completion fish > ~/.config/fish/completions/fleetctl.fish', 'for every fish from now on'],
  ],
  flags: [],
  arguments: 'shell',
  load: async () => (await import('../commands/index.ts')).completion,
};
