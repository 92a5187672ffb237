import { booleanFlag, intFlag, stringFlag, type CommandDefinition } from '../cli/definition.ts';
import { listingFlags, sshPort } from './globals.ts';

export const cat: CommandDefinition = {
  name: 'cat',
  summary: 'Print the text of a unit as the cluster has it',
  usage: 'cat UNIT|PATTERN...',
  description: 'Comments and blank lines of the file it came from are gone. Of several units each text is headed by its name.',
  examples: [['fleetctl cat hello.service > hello.service', 'get a unit file back']],
  flags: [],
  arguments: 'unit',
  load: async () => (await import('../commands/index.ts')).cat,
};

export const why: CommandDefinition = {
  name: 'why',
  summary: 'Explain where a unit is, or why it is nowhere',
  usage: 'why [--json] UNIT|PATTERN...',
  description: 'Shows what is wanted, where the unit is and how it got there; of a unit that waits, what keeps each machine from taking it.',
  examples: [['fleetctl why hello.service', 'what is it doing, and what was done to it lately']],
  flags: [listingFlags.json],
  arguments: 'unit',
  load: async () => (await import('../commands/index.ts')).why,
};

export const status: CommandDefinition = {
  name: 'status',
  summary: 'Show what systemd says of units, on their machines',
  usage: 'status [--ssh-port N] UNIT|PATTERN...',
  description: 'Runs systemctl status -l over SSH, or here if the unit is on this machine. Global units are shown on every machine that reports them.',
  examples: [['fleetctl status hello.service', 'state and last log lines']],
  flags: [sshPort],
  arguments: 'unit',
  load: async () => (await import('../commands/index.ts')).status,
};

export const journal: CommandDefinition = {
  name: 'journal',
  summary: 'Print the log of units from their machines',
  usage: 'journal [--lines N] [--follow] [--output MODE] [--sudo] [--ssh-port N] UNIT|PATTERN...',
  description: 'Runs journalctl over SSH, or here if the unit is on this machine. Of several units, and of global ones, each line is headed by its unit.',
  examples: [
    ['fleetctl journal --lines=50 hello.service', 'the last 50 lines'],
    ['fleetctl journal -f web@1 web@2', 'follow two units at once'],
  ],
  flags: [
    booleanFlag('follow', 'keep printing new lines', { letters: ['f'] }),
    intFlag('lines', 10, 'how many lines to begin with', { letters: ['n'] }),
    stringFlag('output', 'short', 'format, as journalctl --output', { values: ['short', 'short-iso', 'short-precise', 'short-monotonic', 'verbose', 'export', 'json', 'json-pretty', 'cat'] }),
    sshPort,
    booleanFlag('sudo', 'run journalctl with sudo'),
  ],
  arguments: 'unit',
  load: async () => (await import('../commands/index.ts')).journal,
};

export const ssh: CommandDefinition = {
  name: 'ssh',
  summary: 'Open a shell on a machine, or run a command there',
  usage: 'ssh [--machine ID|--unit UNIT] [--ssh-port N] [--forward-agent] [MACHINE|UNIT] [--] [COMMAND...]',
  description:
    'The machine is named by the beginning of its id, or by a unit that is on it. The command is run by the shell there, its words joined by blanks as ssh does it; put -- before it if it has flags.',
  examples: [
    ['fleetctl ssh 2444264c', 'a shell on the machine whose id begins like this'],
    ['fleetctl ssh hello.service -- ls -l /var/log', 'a command on the machine that runs hello.service'],
  ],
  flags: [
    booleanFlag('forward-agent', 'let the machine use the local SSH agent', { letters: ['A'] }),
    stringFlag('machine', '', 'the machine, by the beginning of its id', { letters: ['m'] }),
    sshPort,
    stringFlag('unit', '', 'the machine that this unit is on', { letters: ['u'] }),
  ],
  arguments: 'machine',
  load: async () => (await import('../commands/index.ts')).ssh,
};

export const verify: CommandDefinition = {
  name: 'verify',
  summary: 'Check unit files for mistakes without sending them anywhere',
  usage: 'verify [--json] FILE...',
  description: 'Prints each finding with file, line and column. Ends with 1 when there is an error; warnings alone do not count.',
  examples: [['fleetctl verify *.service', 'check before submitting']],
  flags: [listingFlags.json],
  arguments: 'file',
  load: async () => (await import('../commands/index.ts')).verify,
};
