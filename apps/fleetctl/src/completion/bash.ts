import type { ArgumentKind, CommandDefinition, FlagDefinition } from '../cli/definition.ts';
import { allFlags, flagWords, LIST_MACHINES, LIST_UNITS, SHELLS, valueFlags } from './words.ts';

/** A completion script for bash; needs nothing of the package bash-completion. */
export function bashCompletion(commands: readonly CommandDefinition[], globals: readonly FlagDefinition[]): string {
  const all = allFlags(globals, ...commands.map((command) => command.flags));
  // A flag may offer other values in another command.
  const valuesOf = [...commands.flatMap((command) => command.flags.map((flag) => ({ flag, key: `${command.name}/--${flag.name}` }))), ...globals.map((flag) => ({ flag, key: `*/--${flag.name}` }))];
  const offered = valuesOf.flatMap(({ flag, key }) => {
    const reply = valueReply(flag);
    return reply === undefined ? [] : [`    ${[key, ...(flag.letters ?? []).map((letter) => key.replace(/--.*/, `-${letter}`))].join('|')}) ${reply} ;;`];
  });
  return `# bash completion of fleetctl; load it with: source <(fleetctl completion bash)

# Offers the lines of standard input that begin with what was typed, as they have to be typed.
_fleetctl_offer() {
  local word quoted
  while IFS= read -r word; do
    printf -v quoted %q "$word"
    case $cur in
      [\\'\\"]*) [[ $word == "\${cur:1}"* ]] && COMPREPLY+=("$lead$word") ;;
      *) [[ $quoted == "$cur"* || $word == "$cur"* ]] && COMPREPLY+=("$lead\${quoted#"$head"}") ;;
    esac
  done
}
_fleetctl_offer_words() { _fleetctl_offer < <(printf '%s\\n' "$@"); }
_fleetctl_offer_list() {
  local done= word
  [[ $cur == *,* ]] && done=\${cur%,*},
  for word; do [[ ,$done == *,"$word",* ]] || _fleetctl_offer_words "$done$word"; done
  compopt -o nospace 2>/dev/null
}
_fleetctl_offer_units() { _fleetctl_offer < <(fleetctl "\${given[@]}" ${LIST_UNITS} 2>/dev/null); }
_fleetctl_offer_machines() { _fleetctl_offer < <(fleetctl "\${given[@]}" ${LIST_MACHINES} 2>/dev/null); }
_fleetctl_offer_files() {
  local file
  while IFS= read -r file; do COMPREPLY+=("$lead\${file#"$head"}"); done < <(compgen -f -- "$cur")
  [[ \${#COMPREPLY[@]} -eq 0 ]] || compopt -o filenames 2>/dev/null
}

_fleetctl() {
  local -a words=() given=()
  local cur prev head= lead= breaks command= flags= kind= rest=$COMP_LINE blanks i
  # Readline takes words apart at = and @, too: what was typed together belongs together.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    blanks=\${rest%%[![:space:]]*}
    if ((i == 0)) || [[ -n $blanks ]]; then words+=("\${COMP_WORDS[i]}"); else words[\${#words[@]}-1]+=\${COMP_WORDS[i]}; fi
    rest=\${rest#"$blanks"}
    rest=\${rest#"\${COMP_WORDS[i]}"}
  done
  cur=\${words[\${#words[@]}-1]}
  prev=\${words[\${#words[@]}-2]}
  # Only what follows the last of them is replaced, of @ itself as well.
  breaks=\${COMP_WORDBREAKS//[!=:@]/}
  if [[ -n $breaks && $cur != [\\'\\"]* ]]; then head=\${cur%"\${cur##*[$breaks]}"}; head=\${head%@}; fi
  COMPREPLY=()
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    case \${words[i]} in
      ${valueFlags(globals).join('|')}) if ((i + 2 < \${#words[@]})); then given+=("\${words[i]}" "\${words[i+1]}"); fi; ((i++)) ;;
      ${valueFlags(globals).map((flag) => `${flag}=*`).join('|')}) given+=("\${words[i]}") ;;
      ${valueFlags(all.filter((flag) => !globals.includes(flag))).join('|')}) ((i++)) ;;
      -*) ;;
      *) [[ -n $command ]] || command=\${words[i]} ;;
    esac
  done
  case $cur in
    --*=*)
      prev=\${cur%%=*}; cur=\${cur#*=}
      if [[ $head == "$prev="* ]]; then head=\${head#"$prev="}; else lead=$prev=; fi ;;
  esac
  case $command/$prev in
${offered.join('\n')}
  esac
  [[ \${#COMPREPLY[@]} -eq 0 ]] || return
  case $prev in
    ${valueFlags(all).join('|')}) return ;;
  esac
  case $command in
    '') flags=${quote(flagWords(globals).join(' '))}; kind=command ;;
${commands.map((command) => `    ${command.name}) flags=${quote(flagWords([...command.flags, ...globals]).join(' '))}; kind=${command.arguments} ;;`).join('\n')}
  esac
  if [[ $cur == -* ]]; then _fleetctl_offer_words $flags; return; fi
  case $kind in
    command) _fleetctl_offer_words ${commands.map((command) => command.name).join(' ')} ;;
${(['unit', 'unit-file', 'machine', 'file', 'shell'] satisfies ArgumentKind[]).map((kind) => `    ${kind}) ${kindReply(kind)} ;;`).join('\n')}
  esac
}
complete -F _fleetctl fleetctl
`;
}

function quote(text: string): string {
  return `'${text}'`;
}

function valueReply(flag: FlagDefinition): string | undefined {
  if (flag.type === 'boolean') return undefined;
  if (flag.values !== undefined) return `${flag.list === true ? '_fleetctl_offer_list' : '_fleetctl_offer_words'} ${flag.values.join(' ')}`;
  if (flag.file === true) return '_fleetctl_offer_files';
  if (flag.name === 'unit') return '_fleetctl_offer_units';
  if (flag.name === 'machine') return '_fleetctl_offer_machines';
  return undefined;
}

function kindReply(kind: 'unit' | 'unit-file' | 'machine' | 'file' | 'shell'): string {
  switch (kind) {
    case 'unit':
      return '_fleetctl_offer_units';
    case 'unit-file':
      return '_fleetctl_offer_files; _fleetctl_offer_units';
    case 'machine':
      return '_fleetctl_offer_machines; _fleetctl_offer_units';
    case 'file':
      return '_fleetctl_offer_files';
    case 'shell':
      return `_fleetctl_offer_words ${SHELLS.join(' ')}`;
  }
}
