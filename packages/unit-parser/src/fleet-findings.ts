import { splitAtBlanks } from './blank.ts';
import { findForbiddenPairs, findUnresolvable, isFleetOption } from './combinations.ts';
import { finding, shown, START, type Place } from './diagnostics.ts';
import { matchGlob } from './glob.ts';
import { checkMachineId, checkMetadata, checkGlobal } from './fleet-values.ts';
import { checkPattern } from './pattern-check.ts';
import { FLEET_OPTIONS, FLEET_SECTION, readRequirements, splitQuotedList } from './requirements.ts';
import { substituteSpecifiers } from './specifiers.ts';
import { Vocabulary } from './suggest.ts';
import { isFleetNearMiss } from './systemd-findings.ts';
import type { Diagnostic, LocatedUnitOption, Requirements } from './types.ts';
import { checkUnitName, isTemplateName, parseUnitName, type UnitNameInfo } from './unit-name.ts';

/** Options that mean nothing outside of `[X-Fleet]`; `Conflicts` means something in `[Unit]`. */
const FLEET_ONLY: ReadonlySet<string> = new Set(FLEET_OPTIONS.filter((name) => name !== 'Conflicts'));
const CURRENT_NAMES = FLEET_OPTIONS.filter((name) => !name.startsWith('X-'));
const vocabulary = new Vocabulary(CURRENT_NAMES);
const KIND_OPTIONS = { MachineID: 'MachineID', Peers: 'MachineOf', Conflicts: 'Conflicts', Global: 'Global', Replaces: 'Replaces' } as const;

/** Findings about what the `[X-Fleet]` sections ask for. A name, if there is one, fills in the specifiers. */
export function findInRequirements(options: readonly LocatedUnitOption[], name: string | undefined): Diagnostic[] {
  const info = name === undefined ? null : parseUnitName(name);
  const own = options.filter((option) => option.section === FLEET_SECTION);
  return [
    ...options.filter((option) => option.section !== FLEET_SECTION).flatMap(inOtherSection),
    ...own.flatMap((option) => inOption(option, info)),
    ...checkMachineId(own),
    ...checkGlobal(own),
    ...inCombination(own, name),
  ];
}

function inOtherSection(option: LocatedUnitOption): Diagnostic[] {
  if (!FLEET_ONLY.has(option.name) || isFleetNearMiss(option.section)) return [];
  const message = `${option.name} means something in section [X-Fleet] only, not in ${shown(`[${option.section}]`)}`;
  return [finding('option-in-wrong-section', 'warning', option, message, 'move it to [X-Fleet]')];
}

function inOption(option: LocatedUnitOption, info: UnitNameInfo | null): Diagnostic[] {
  if (!isFleetOption(option.name)) return [unknownOption(option)];
  return [...inLegacyName(option), ...inQuotes(option), ...inValues(option, splitQuotedList(option.value), info)];
}

function inValues(option: LocatedUnitOption, values: readonly string[], info: UnitNameInfo | null): Diagnostic[] {
  switch (kindOf(option.name)) {
    case 'MachineOf':
      return values.flatMap((value) => inPeer(option, value, info));
    case 'Conflicts': {
      const patterns = values.flatMap(splitAtBlanks);
      if (patterns.length > 0) return patterns.flatMap((pattern) => inPattern(option, pattern, info));
      return [finding('empty-value', 'warning', option, `an empty ${option.name} names nothing, and resets nothing`, 'remove it')];
    }
    case 'Replaces':
      return values.flatMap((value) => inPattern(option, value, info));
    case 'MachineMetadata':
      return values.flatMap((value) => checkMetadata(option, substitute(value, info)));
    case 'MachineID':
    case 'Global':
      return [];
  }
}

function kindOf(name: string): 'MachineID' | 'MachineOf' | 'MachineMetadata' | 'Conflicts' | 'Replaces' | 'Global' {
  const plain = name.replace(/^X-(?:Condition)?/, '');
  if (plain === 'MachineOf' || plain === 'MachineMetadata' || plain === 'Conflicts' || plain === 'Replaces' || plain === 'Global') return plain;
  return 'MachineID';
}

function unknownOption(option: LocatedUnitOption): Diagnostic {
  const guess = vocabulary.nearest(option.name);
  const remedy = guess === null ? `the options of [X-Fleet] are ${CURRENT_NAMES.join(', ')}` : `did you mean ${guess}?`;
  return finding('unknown-option', 'warning', option, `unrecognized requirement in [X-Fleet] section: ${shown(option.name)}; it means nothing`, remedy);
}

function inLegacyName(option: LocatedUnitOption): Diagnostic[] {
  if (!option.name.startsWith('X-')) return [];
  if (option.name === 'X-ConditionMachineBootID') {
    const message = 'X-ConditionMachineBootID is compared with machine ids, not boot ids, so no machine will fit';
    return [finding('legacy-option', 'warning', option, message, 'name the machine with MachineID')];
  }
  return [finding('legacy-option', 'info', option, `${option.name} is a legacy spelling`, `write ${kindOf(option.name)}`)];
}

function inQuotes(option: LocatedUnitOption): Diagnostic[] {
  const { value } = option;
  const isList = value.startsWith('"') && value.endsWith('"');
  if (!isList) {
    if (!/["']/.test(value)) return [];
    const message = `quotes that do not both begin and end the value are part of it: ${shown(value)}`;
    return [finding('quoting', 'warning', option, message, 'quote each element with """ and put one space between them'.replace('"""', `'"'`))];
  }
  if (value.length === 1 || (value.match(/"/g)?.length ?? 0) % 2 === 1) {
    return [finding('quoting', 'warning', option, `a quote is not closed: ${shown(value)}`, 'close each quote')];
  }
  const outside = value.split('"').filter((part, i, all) => i % 2 === 0 && i > 0 && i < all.length - 1);
  if (outside.every((part) => part === ' ')) return [];
  const message = `only a single space separates quoted elements: ${shown(value)}`;
  return [finding('quoting', 'warning', option, message, 'put exactly one space between elements, or write one option for each')];
}

function inPeer(option: LocatedUnitOption, value: string, info: UnitNameInfo | null): Diagnostic[] {
  const problem = (message: string, remedy: string): Diagnostic[] => [finding('peer-name', 'error', option, message, remedy)];
  if (value === '') {
    return [finding('empty-value', 'error', option, `an empty ${option.name} is never met, so the unit can run nowhere`, 'remove it, or name a unit')];
  }
  if (hasOpenSpecifier(value, info)) return [];
  const peer = substitute(value, info);
  if (peer === info?.full) {
    return [finding('self-reference', 'error', option, `${option.name} names the unit itself, so it is never placed`, 'name another unit')];
  }
  if (splitAtBlanks(peer).length > 1) return problem(`${option.name} takes one unit name, not the list ${shown(peer)}`, 'write one option for each');
  if (/[*?[]/.test(peer)) return problem(`${option.name} takes an exact unit name, not the pattern ${shown(peer)}`, 'write the whole name');
  const fault = checkUnitName(peer);
  if (fault !== null) return problem(`no unit can have the name ${shown(peer)}: ${fault}`, peer.includes('.') ? 'write the name of a unit' : `write "${peer}.service" if that is meant`);
  if (isTemplateName(peer)) return problem(`template ${shown(peer)} never runs, so this is never met`, 'name an instance of it');
  return [];
}

function inPattern(option: LocatedUnitOption, value: string, info: UnitNameInfo | null): Diagnostic[] {
  if (value === '') {
    return [finding('empty-value', 'warning', option, `an empty ${option.name} matches nothing, and resets nothing`, 'remove it')];
  }
  const open = hasOpenSpecifier(value, info);
  // What an open specifier will hold is unknown, so let it be anything.
  const pattern = open ? substitute(value, info).replace(/%[nNpi]/g, '*') : substitute(value, info);
  const fault = checkPattern(pattern);
  if (fault !== null) {
    const severity = value === '\\' && option.value.includes('\\\n') ? 'info' : fault.code === 'malformed-pattern' ? 'error' : 'warning';
    return [finding(fault.code, severity, option, `${option.name} ${shown(value)}: ${fault.message}`, fault.remedy)];
  }
  if (info === null || open) return [];
  if (pattern === info.full) {
    return [finding('self-reference', 'warning', option, `${option.name} names the unit itself, which has no effect`, 'name another unit')];
  }
  if (option.name === 'Replaces' && matchGlob(pattern, info.full)) {
    const message = `Replaces ${shown(value)} matches the unit itself; units of one text would replace each other, so none of them is`;
    return [finding('circular-reference', 'warning', option, message, 'let only one of the units replace the other')];
  }
  return [];
}

function inCombination(options: readonly LocatedUnitOption[], name: string | undefined): Diagnostic[] {
  const plain = readRequirements(options);
  const findings = findForbiddenPairs(plain).map(({ pair, message }) => {
    const place = placeOf(options, KIND_OPTIONS[pair[1]]);
    return finding('impossible-combination', 'error', place, message, `remove ${KIND_OPTIONS[pair[0]]} or ${KIND_OPTIONS[pair[1]]}`);
  });
  const unresolvable = findUnresolvable(plain);
  if (unresolvable !== null) findings.push(contradiction(options, unresolvable.option, unresolvable.message));
  if (name === undefined) return findings;
  const filled = readRequirements(options, name);
  const hidden = unresolvable === null ? findUnresolvable(filled) : null;
  if (hidden !== null) findings.push(contradiction(options, hidden.option, `${hidden.message}, once the specifiers are filled in`));
  return [...findings, ...hiddenGlobal(options, plain, filled)];
}

/** `Global=%i` is global for some of the original's parts only. */
function hiddenGlobal(options: readonly LocatedUnitOption[], plain: Requirements, filled: Requirements): Diagnostic[] {
  if (plain.global === filled.global) return [];
  const message = 'Global depends on a specifier, so checks at submission and the command line take the unit for one that is not global';
  return [finding('unclear-boolean', 'warning', placeOf(options, 'Global'), message, 'write true or false')];
}

function contradiction(options: readonly LocatedUnitOption[], option: string, message: string): Diagnostic {
  return finding('impossible-combination', 'error', placeOf(options, option), message, `change MachineOf or ${option}`);
}

function placeOf(options: readonly LocatedUnitOption[], kind: string): Place {
  return options.find((option) => isFleetOption(option.name) && kindOf(option.name) === kind) ?? START;
}

function substitute(value: string, info: UnitNameInfo | null): string {
  return info === null || info.isTemplate ? value : substituteSpecifiers(value, info);
}

function hasOpenSpecifier(value: string, info: UnitNameInfo | null): boolean {
  return (info === null || info.isTemplate) && /%[nNpi]/.test(value);
}
