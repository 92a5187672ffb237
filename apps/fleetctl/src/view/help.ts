import type { CommandDefinition, FlagDefinition } from '../cli/definition.ts';

/** Sections in the original's layout: heading, tab-indented lines, an empty line between sections. */
function sections(parts: readonly (readonly [heading: string, lines: readonly string[]])[]): string {
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([heading, lines]) => `${heading}:\n${lines.map((line) => `\t${line}\n`).join('')}`)
    .join('\n');
}

function optionLines(flags: readonly FlagDefinition[]): string[] {
  const shown = flags.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((flag) => ({ flag, left: leftSide(flag) }));
  const width = Math.max(0, ...shown.map(({ left }) => left.length)) + 3;
  return shown.map(({ flag, left }) => `      ${left.padEnd(width)}${flag.summary}${defaultOf(flag)}`);
}

function leftSide(flag: FlagDefinition): string {
  const letters = (flag.letters ?? []).map((letter) => `-${letter}, `).join('');
  return `${letters}--${flag.name}${flag.type === 'boolean' ? '' : ` ${flag.type}`}`;
}

function defaultOf(flag: FlagDefinition): string {
  if (flag.default === '' || flag.default === 0 || flag.default === false) return '';
  return ` (default ${typeof flag.default === 'string' ? JSON.stringify(flag.default) : String(flag.default)})`;
}

function exampleLines(command: CommandDefinition): string[] {
  return command.examples.flatMap(([line, does]) => [`# ${does}`, `$ ${line}`]);
}

export function renderCommandHelp(command: CommandDefinition, globals: readonly FlagDefinition[]): string {
  return sections([
    ['NAME', [`${command.name} - ${command.summary}`]],
    ['USAGE', [`fleetctl ${command.usage}`]],
    ['DESCRIPTION', command.description === '' ? [] : command.description.split('\n')],
    ['EXAMPLES', exampleLines(command)],
    ['OPTIONS', optionLines(command.flags)],
    ['GLOBAL OPTIONS', optionLines(globals)],
  ]);
}

export function renderRootHelp(commands: readonly CommandDefinition[], globals: readonly FlagDefinition[], version: string): string {
  const tabs = Math.floor(Math.max(...commands.map((command) => command.name.length)) / 8) + 1;
  const line = (command: CommandDefinition): string => `${command.name}${'\t'.repeat(tabs - Math.floor(command.name.length / 8))}${command.summary}`;
  return sections([
    ['NAME', ['fleetctl - the command line of fleet, an init system for a whole cluster']],
    ['USAGE', ['fleetctl [global options] <command> [command options] [arguments]']],
    ['VERSION', [version]],
    ['COMMANDS', commands.map(line)],
    ['DESCRIPTION', ['Run "fleetctl help <command>" for the options of a command. Every option below can also be set by the environment: FLEETCTL_ENDPOINT, FLEETCTL_TUNNEL and so on.']],
    ['EXAMPLES', ['# start a unit somewhere in the cluster and look where it went', '$ fleetctl start hello.service', '$ fleetctl list-units']],
    ['OPTIONS', optionLines(globals)],
  ]);
}
