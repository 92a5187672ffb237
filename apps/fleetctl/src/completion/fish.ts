import type { CommandDefinition, FlagDefinition } from '../cli/definition.ts';
import { LIST_MACHINES, LIST_UNITS, SHELLS } from './words.ts';

/** A completion script for fish. */
export function fishCompletion(commands: readonly CommandDefinition[], globals: readonly FlagDefinition[]): string {
  const lines = ['# fish completion of fleetctl', 'complete -c fleetctl -f'];
  for (const flag of globals) lines.push(`complete -c fleetctl${flagWords(flag)}`);
  for (const command of commands) {
    lines.push(`complete -c fleetctl -n __fish_use_subcommand -a ${command.name} -d ${quote(command.summary)}`);
    const when = `-n ${quote(`__fish_seen_subcommand_from ${command.name}`)}`;
    for (const flag of command.flags) lines.push(`complete -c fleetctl ${when}${flagWords(flag)}`);
    const words = argumentWords(command, commands);
    if (words !== undefined) lines.push(`complete -c fleetctl ${when} ${words}`);
  }
  return `${lines.join('\n')}\n`;
}

function flagWords(flag: FlagDefinition): string {
  const letters = (flag.letters ?? []).map((letter) => ` -s ${letter}`).join('');
  const value = flag.type === 'boolean' ? '' : flag.file === true ? ' -r -F' : flag.values === undefined ? ' -x' : ` -x -a ${quote(flag.values.join(' '))}`;
  return `${letters} -l ${flag.name}${value} -d ${quote(flag.summary)}`;
}

function argumentWords(command: CommandDefinition, commands: readonly CommandDefinition[]): string | undefined {
  switch (command.arguments) {
    case 'none':
      return undefined;
    case 'unit':
      return `-a ${quote(`(${LIST_UNITS})`)}`;
    case 'unit-file':
      return `-F -a ${quote(`(${LIST_UNITS})`)}`;
    case 'machine':
      return `-a ${quote(`(${LIST_MACHINES}; ${LIST_UNITS})`)}`;
    case 'file':
      return '-F';
    case 'command':
      return `-a ${quote(commands.map((each) => each.name).join(' '))}`;
    case 'shell':
      return `-a ${quote(SHELLS.join(' '))}`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`\'`)}'`;
}
