import type { CommandDefinition, FlagDefinition } from '../cli/definition.ts';
import { LIST_MACHINES, LIST_UNITS, SHELLS } from './words.ts';

/** A completion script for zsh. */
export function zshCompletion(commands: readonly CommandDefinition[], globals: readonly FlagDefinition[]): string {
  const described = commands.map((command) => `    ${quote(`${command.name}:${command.summary}`)}`).join('\n');
  const cases = commands.map((command) => `    ${command.name}) _arguments $globals ${command.flags.map(flagSpec).join(' ')} ${quote(`*: :${argumentAction(command)}`)} ;;`).join('\n');
  return `#compdef fleetctl
# zsh completion of fleetctl; load it with: source <(fleetctl completion zsh)
_fleetctl_units() { compadd -- \${(f)"$(${LIST_UNITS})"} }
_fleetctl_machines() { compadd -- \${(f)"$(${LIST_MACHINES}; ${LIST_UNITS})"} }
_fleetctl_unit_files() { _fleetctl_units; _files }
_fleetctl_commands() {
  local -a commands=(
${described}
  )
  _describe command commands
}
_fleetctl() {
  local -a globals=(${globals.map(flagSpec).join(' ')})
  local context state line
  typeset -A opt_args
  _arguments -C $globals '1: :_fleetctl_commands' '*:: :->arguments'
  [[ $state == arguments ]] || return
  case $words[1] in
${cases}
  esac
}
compdef _fleetctl fleetctl
`;
}

function flagSpec(flag: FlagDefinition): string {
  const text = flag.summary.replaceAll('[', '(').replaceAll(']', ')').replaceAll(':', ' -');
  const action = flag.file === true ? '_files' : flag.values === undefined ? ' ' : `(${flag.values.join(' ')})`;
  return quote(flag.type === 'boolean' ? `--${flag.name}[${text}]` : `--${flag.name}=[${text}]:${flag.type}:${action}`);
}

function argumentAction(command: CommandDefinition): string {
  switch (command.arguments) {
    case 'none':
      return ' ';
    case 'unit':
      return '_fleetctl_units';
    case 'unit-file':
      return '_fleetctl_unit_files';
    case 'machine':
      return '_fleetctl_machines';
    case 'file':
      return '_files';
    case 'command':
      return '_fleetctl_commands';
    case 'shell':
      return `(${SHELLS.join(' ')})`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
