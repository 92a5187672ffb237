import type { CommandDefinition, FlagDefinition } from '../cli/definition.ts';
import { LIST_MACHINES, LIST_UNITS, SHELLS, valueFlags } from './words.ts';

/** A completion script for fish. */
export function fishCompletion(commands: readonly CommandDefinition[], globals: readonly FlagDefinition[]): string {
  const lines = [
    `# fish completion of fleetctl; load it with: fleetctl completion fish | source

# The command on the line so far; fails if there is none yet.
function __fleetctl_command
    set -l tokens (commandline -opc)
    set -e tokens[1]
    while set -q tokens[1]
        switch $tokens[1]
            case ${valueFlags(globals).join(' ')}
                set -e tokens[1]
            case '-*'
            case '*'
                echo $tokens[1]
                return
        end
        set -e tokens[1]
    end
    return 1
end
function __fleetctl_is
    test "$(__fleetctl_command)" = $argv[1]
end
# Asks the cluster that the line is about.
function __fleetctl_ask
    set -l tokens (commandline -opc)
    set -l given
    set -e tokens[1]
    while set -q tokens[1]
        switch $tokens[1]
            case ${valueFlags(globals).join(' ')}
                set -q tokens[2]; and set -a given $tokens[1..2]
                set -e tokens[1]
            case ${valueFlags(globals).map((flag) => `'${flag}=*'`).join(' ')}
                set -a given $tokens[1]
        end
        set -e tokens[1]
    end
    fleetctl $given $argv 2>/dev/null
end
complete -c fleetctl -f`,
  ];
  for (const flag of globals) lines.push(`complete -c fleetctl${flagWords(flag)}`);
  for (const command of commands) {
    lines.push(`complete -c fleetctl -n 'not __fleetctl_command' -a ${command.name} -d ${quote(command.summary)}`);
    const when = `-n ${quote(`__fleetctl_is ${command.name}`)}`;
    for (const flag of command.flags) lines.push(`complete -c fleetctl ${when}${flagWords(flag)}`);
    const words = argumentWords(command, commands);
    if (words !== undefined) lines.push(`complete -c fleetctl ${when} ${words}`);
  }
  return `${lines.join('\n')}\n`;
}

const UNITS = `(__fleetctl_ask ${LIST_UNITS})`;
const MACHINES = `(__fleetctl_ask ${LIST_MACHINES})`;

function flagWords(flag: FlagDefinition): string {
  const letters = (flag.letters ?? []).map((letter) => ` -s ${letter}`).join('');
  return `${letters} -l ${flag.name}${valueWords(flag)} -d ${quote(flag.summary)}`;
}

function valueWords(flag: FlagDefinition): string {
  if (flag.type === 'boolean') return '';
  if (flag.file === true) return ' -r -F';
  if (flag.name === 'unit') return ` -x -a ${quote(UNITS)}`;
  if (flag.name === 'machine') return ` -x -a ${quote(MACHINES)}`;
  if (flag.values === undefined) return ' -x';
  return ` -x -a ${quote(flag.list === true ? `(__fish_complete_list , "printf '%s\\n' ${flag.values.join(' ')}")` : flag.values.join(' '))}`;
}

function argumentWords(command: CommandDefinition, commands: readonly CommandDefinition[]): string | undefined {
  switch (command.arguments) {
    case 'none':
      return undefined;
    case 'unit':
      return `-a ${quote(UNITS)}`;
    case 'unit-file':
      return `-F -a ${quote(UNITS)}`;
    case 'machine':
      return `-a ${quote(`${MACHINES} ${UNITS}`)}`;
    case 'file':
      return '-F';
    case 'command':
      return `-a ${quote(commands.map((each) => each.name).join(' '))}`;
    case 'shell':
      return `-a ${quote(SHELLS.join(' '))}`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`;
}
