import type { CommandDefinition, FlagDefinition } from '../cli/definition.ts';
import { LIST_MACHINES, LIST_UNITS, SHELLS, valueFlags } from './words.ts';

/** A completion script for zsh. */
export function zshCompletion(commands: readonly CommandDefinition[], globals: readonly FlagDefinition[]): string {
  const described = commands.map((command) => `    ${quote(`${command.name}:${command.summary}`)}`).join('\n');
  const cases = commands.map((command) => `    ${command.name}) _arguments $globals ${command.flags.flatMap(flagSpecs).join(' ')} ${quote(`*: :${argumentAction(command)}`)} ;;`).join('\n');
  return `#compdef fleetctl
# zsh completion of fleetctl; load it with: source <(fleetctl completion zsh)
_fleetctl_units() { local -a found=(\${(f)"$(fleetctl $given ${LIST_UNITS} 2>/dev/null)"}); compadd -a found }
_fleetctl_machines() { local -a found=(\${(f)"$(fleetctl $given ${LIST_MACHINES} 2>/dev/null)"}); compadd -a found }
_fleetctl_places() { _fleetctl_machines; _fleetctl_units }
_fleetctl_unit_files() { _fleetctl_units; _files }
_fleetctl_commands() {
  local -a commands=(
${described}
  )
  _describe command commands
}
_fleetctl() {
  local -a globals=(${globals.flatMap(flagSpecs).join(' ')})
  # The cluster that the line is about is the one to ask.
  local -a given=()
  local -i i
  for ((i = 2; i < CURRENT; i++)); do
    case $words[i] in
      ${valueFlags(globals).join('|')}) ((i + 1 < CURRENT)) && given+=("\${(Q)words[i]}" "\${(Q)words[i+1]}"); ((i++)) ;;
      ${valueFlags(globals).map((flag) => `${flag}=*`).join('|')}) given+=("\${(Q)words[i]}") ;;
    esac
  done
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

function flagSpecs(flag: FlagDefinition): string[] {
  const text = flag.summary.replaceAll('[', '(').replaceAll(']', ')').replaceAll(':', ' -');
  const value = flag.type === 'boolean' ? '' : `:${flag.type}:${valueAction(flag)}`;
  return [`--${flag.name}${flag.type === 'boolean' ? '' : '='}`, ...(flag.letters ?? []).map((letter) => `-${letter}`)].map((word) => quote(`${word}[${text}]${value}`));
}

function valueAction(flag: FlagDefinition): string {
  if (flag.file === true) return '_files';
  if (flag.name === 'unit') return '_fleetctl_units';
  if (flag.name === 'machine') return '_fleetctl_machines';
  if (flag.values === undefined) return ' ';
  return flag.list === true ? `_sequence compadd - ${flag.values.join(' ')}` : `(${flag.values.join(' ')})`;
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
      return '_fleetctl_places';
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
