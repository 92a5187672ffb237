import type { ArgumentKind, CommandDefinition, FlagDefinition } from '../cli/definition.ts';
import { flagWords, LIST_MACHINES, LIST_UNITS, SHELLS } from './words.ts';

/** A completion script for bash. */
export function bashCompletion(commands: readonly CommandDefinition[], globals: readonly FlagDefinition[]): string {
  const flagsOf = commands.map((command) => `    ${command.name}) flags=${quote(flagWords([...command.flags, ...globals]).join(' '))}; kind=${command.arguments} ;;`);
  const valuesOf = [...new Map([...globals, ...commands.flatMap((command) => command.flags)].map((flag) => [flag.name, flag])).values()];
  const takesValue = valuesOf.filter((flag) => flag.type !== 'boolean');
  return `# bash completion of fleetctl; load it with: source <(fleetctl completion bash)
_fleetctl() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= flags= kind= word i
  local globals=${quote(flagWords(globals).join(' '))}
  COMPREPLY=()
  case $prev in
${takesValue.map((flag) => `    --${flag.name}) ${valueReply(flag)}; return ;;`).join('\n')}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      ${globals.filter((flag) => flag.type !== 'boolean').map((flag) => `--${flag.name}`).join('|')}) ((i++)) ;;
      -*) ;;
      *) command=$word; break ;;
    esac
  done
  case $command in
    '') flags=$globals; kind=commands ;;
${flagsOf.join('\n')}
  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur")); return; fi
  case $kind in
    commands|command) COMPREPLY=($(compgen -W ${quote(commands.map((command) => command.name).join(' '))} -- "$cur")) ;;
${(['unit', 'unit-file', 'machine', 'file', 'shell'] satisfies ArgumentKind[]).map((kind) => `    ${kind}) ${kindReply(kind)} ;;`).join('\n')}
  esac
}
complete -F _fleetctl fleetctl
`;
}

function quote(text: string): string {
  return `'${text}'`;
}

function valueReply(flag: FlagDefinition): string {
  if (flag.values !== undefined) return `COMPREPLY=($(compgen -W ${quote(flag.values.join(' '))} -- "$cur"))`;
  if (flag.file === true) return 'COMPREPLY=($(compgen -f -- "$cur"))';
  if (flag.name === 'unit') return `COMPREPLY=($(compgen -W "$(${LIST_UNITS})" -- "$cur"))`;
  if (flag.name === 'machine') return `COMPREPLY=($(compgen -W "$(${LIST_MACHINES})" -- "$cur"))`;
  return ':';
}

function kindReply(kind: 'unit' | 'unit-file' | 'machine' | 'file' | 'shell'): string {
  switch (kind) {
    case 'unit':
      return `COMPREPLY=($(compgen -W "$(${LIST_UNITS})" -- "$cur"))`;
    case 'unit-file':
      return `COMPREPLY=($(compgen -W "$(${LIST_UNITS})" -- "$cur") $(compgen -f -- "$cur"))`;
    case 'machine':
      return `COMPREPLY=($(compgen -W "$(${LIST_MACHINES}; ${LIST_UNITS})" -- "$cur"))`;
    case 'file':
      return 'COMPREPLY=($(compgen -f -- "$cur"))';
    case 'shell':
      return `COMPREPLY=($(compgen -W ${quote(SHELLS.join(' '))} -- "$cur"))`;
  }
}
