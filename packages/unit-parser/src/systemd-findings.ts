import { encodeText } from './byte-text.ts';
import { finding, shown, START } from './diagnostics.ts';
import { FLEET_SECTION } from './requirements.ts';
import { Vocabulary } from './suggest.ts';
import type { Diagnostic, LocatedUnitOption } from './types.ts';
import { checkUnitName, parseUnitName } from './unit-name.ts';

const TYPE_SECTIONS: Readonly<Record<string, string>> = {
  Service: 'service',
  Socket: 'socket',
  Timer: 'timer',
  Path: 'path',
  Mount: 'mount',
  Automount: 'automount',
  Swap: 'swap',
  Slice: 'slice',
  Scope: 'scope',
};
const SECTIONS = ['Unit', 'Install', ...Object.keys(TYPE_SECTIONS)];
const vocabulary = new Vocabulary([...SECTIONS, FLEET_SECTION]);
const GONE_TYPES = ['busname', 'snapshot'];

/** One of the settings of a section must be there, or systemd refuses the unit (systemd `service_verify` and its like). */
const NEEDED: Readonly<Record<string, { readonly section: string; readonly settings: RegExp; readonly text: string }>> = {
  service: { section: 'Service', settings: /^(?:ExecStart|ExecStop|SuccessAction)$/, text: 'ExecStart=' },
  socket: { section: 'Socket', settings: /^Listen/, text: 'ListenStream= or another Listen…=' },
  timer: { section: 'Timer', settings: /^On/, text: 'OnCalendar= or another On…Sec=' },
  path: { section: 'Path', settings: /^(?:Path|DirectoryNotEmpty|MakeDirectory$)/, text: 'PathExists= or another Path…=' },
  mount: { section: 'Mount', settings: /^What$/, text: 'What=' },
  automount: { section: 'Automount', settings: /^Where$/, text: 'Where=' },
  swap: { section: 'Swap', settings: /^What$/, text: 'What=' },
};

/** Findings about a unit's name: what fleet refuses, and what it takes but systemd does not. */
export function findInName(name: string): Diagnostic[] {
  const message = checkUnitName(name);
  if (message !== null) return [finding('unit-name', 'error', START, `${shown(name)}: ${message}`, 'rename the unit')];
  const findings: Diagnostic[] = [];
  const info = parseUnitName(name);
  if (info?.name === '') findings.push(finding('unit-name', 'error', START, `${shown(name)} has nothing before the dot; systemd refuses it`, 'rename the unit'));
  if (info?.prefix === '' && info.name !== '') {
    findings.push(finding('unit-name', 'error', START, `${shown(name)} has nothing before the "@"; systemd refuses it`, 'rename the unit'));
  }
  if (encodeText(name).length === 256) {
    findings.push(finding('unit-name', 'error', START, 'the name has 256 bytes; systemd takes at most 255', 'shorten the name'));
  }
  const type = name.slice(name.lastIndexOf('.') + 1);
  if (GONE_TYPES.includes(type)) {
    findings.push(finding('unit-type', 'warning', START, `units of type ${type} are gone from systemd`, 'use another type'));
  }
  return findings;
}

/** Findings about sections and settings that systemd will ignore or refuse in a unit of this name. */
export function findForSystemd(options: readonly LocatedUnitOption[], name: string | undefined): Diagnostic[] {
  const type = name === undefined || checkUnitName(name) !== null ? undefined : name.slice(name.lastIndexOf('.') + 1);
  const findings: Diagnostic[] = [];
  const seen = new Set<string>();
  for (const option of options) {
    if (option.section !== FLEET_SECTION && !seen.has(option.section)) {
      seen.add(option.section);
      findings.push(...inSection(option, type));
    }
  }
  return type === undefined ? findings : [...findings, ...missingSetting(options, type), ...(type === 'service' ? inCommands(options) : [])];
}

/** Reported at the first option of the section. */
function inSection(option: LocatedUnitOption, type: string | undefined): Diagnostic[] {
  const { section } = option;
  const own = TYPE_SECTIONS[section];
  if (own !== undefined && type !== undefined && own !== type) {
    return [finding('section-for-other-type', 'warning', option, `section [${section}] means nothing in a ${type} unit`, `move it to a ${own} unit`)];
  }
  if (SECTIONS.includes(section)) return [];
  if (isFleetNearMiss(section)) {
    const message = `section ${shown(`[${section}]`)} is not [X-Fleet], so what it asks for is ignored`;
    return [finding('section-near-miss', 'error', option, message, 'write it as [X-Fleet]')];
  }
  const guess = vocabulary.nearest(section);
  const remedy = guess === null ? undefined : `did you mean [${guess}]?`;
  if (guess !== null) return [finding('section-near-miss', 'warning', option, `section ${shown(`[${section}]`)} is not known and is ignored`, remedy)];
  if (section.startsWith('X-')) return [];
  return [finding('unknown-section', 'warning', option, `section ${shown(`[${section}]`)} is not known to systemd and is ignored`, 'begin its name with "X-" if it is yours')];
}

/** Whether a section is `[X-Fleet]` but for case, blanks and signs. */
export function isFleetNearMiss(section: string): boolean {
  return section !== FLEET_SECTION && section.length < 64 && section.toLowerCase().replace(/[^a-z]/g, '') === 'xfleet';
}

function missingSetting(options: readonly LocatedUnitOption[], type: string): Diagnostic[] {
  const needed = Object.hasOwn(NEEDED, type) ? NEEDED[type] : undefined;
  if (needed === undefined) return [];
  const present = options.some((option) => option.section === needed.section && needed.settings.test(option.name) && option.value !== '');
  if (present) return [];
  const place = options.find((option) => option.section === needed.section) ?? START;
  const message = `systemd refuses a ${type} unit without ${needed.text} in section [${needed.section}]`;
  return [finding('missing-setting', 'error', place, message, `add ${needed.text}`)];
}

function inCommands(options: readonly LocatedUnitOption[]): Diagnostic[] {
  const service = options.filter((option) => option.section === 'Service');
  const type = service.findLast((option) => option.name === 'Type')?.value;
  const commands = service.filter((option) => option.name === 'ExecStart');
  // An empty value empties the list.
  const starts = commands.slice(commands.findLastIndex((option) => option.value === '') + 1);
  const findings = starts
    .slice(1)
    .filter(() => type !== 'oneshot')
    .map((option) => finding('repeated-setting', 'error', option, 'systemd takes one ExecStart= only, unless Type=oneshot', 'use ExecStartPre=, or Type=oneshot'));
  for (const option of service) {
    if (!/^Exec(?:Start|Stop|Reload)/.test(option.name) || !/^Exec[A-Z][A-Za-z]*$/.test(option.name)) continue;
    const command = option.value.replace(/^[-@:+!|\\\s]*/, '').replace(/^["']/, '');
    if (option.value === '' || command.startsWith('/') || command.startsWith('%') || command.startsWith('$')) continue;
    const message = `${option.name} ${shown(command.split(/\s/)[0] ?? '')} is not an absolute path; older systemd refuses it`;
    findings.push(finding('relative-command', 'warning', option, message, 'write the whole path of the command'));
  }
  return findings;
}
