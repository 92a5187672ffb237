/** One assignment of a unit file as systemd reads it. */
export interface UnitSetting {
  readonly section: string;
  readonly name: string;
  readonly value: string;
  /** 1-based line on which it starts. */
  readonly line: number;
}

export interface UnitText {
  /** Sections in order of appearance, empty ones included. */
  readonly sections: readonly string[];
  readonly settings: readonly UnitSetting[];
  /** Lines systemd would ignore with a warning. */
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

/**
 * Reads a unit file by systemd's own rules, which differ from fleet's in details: a trailing backslash becomes a
 * space, comment lines inside a continued line are dropped, a comment never continues. Source: systemd 252
 * `config_parse` and `parse_line` in src/shared/conf-parser.c.
 */
export function readUnitText(text: string): UnitText {
  const sections: string[] = [];
  const settings: UnitSetting[] = [];
  const problems: { line: number; message: string }[] = [];
  let section = '';
  let parts: string[] = [];
  let startLine = 0;

  const finish = (): void => {
    const line = parts.join('').trim();
    parts = [];
    if (line === '') return;
    if (line.startsWith('[')) {
      if (!line.endsWith(']')) {
        problems.push({ line: startLine, message: `invalid section header ${JSON.stringify(line)}` });
        return;
      }
      section = line.slice(1, -1);
      if (!sections.includes(section)) sections.push(section);
      return;
    }
    const equals = line.indexOf('=');
    if (equals <= 0) problems.push({ line: startLine, message: equals === 0 ? 'missing name before "="' : 'missing "="' });
    else if (section === '') problems.push({ line: startLine, message: 'assignment outside of a section' });
    else settings.push({ section, name: line.slice(0, equals).trimEnd(), value: line.slice(equals + 1).trimStart(), line: startLine });
  };

  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r|\0/);
  for (const [index, raw] of lines.entries()) {
    const first = raw.trimStart()[0];
    if (first === '#' || first === ';') continue;
    if (parts.length === 0) startLine = index + 1;
    if (endsInBackslash(raw)) {
      parts.push(`${raw.slice(0, -1)} `);
      continue;
    }
    parts.push(raw);
    finish();
  }
  finish();
  return { sections, settings, problems };
}

function endsInBackslash(line: string): boolean {
  let count = 0;
  for (let at = line.length - 1; at >= 0 && line[at] === '\\'; at -= 1) count += 1;
  return count % 2 === 1;
}

/** All values of an option, an empty assignment clearing those before it, as systemd's list options do. */
export function listOf(unit: UnitText, section: string, name: string): readonly UnitSetting[] {
  let found: UnitSetting[] = [];
  for (const setting of unit.settings) {
    if (setting.section !== section || setting.name !== name) continue;
    found = setting.value === '' ? [] : [...found, setting];
  }
  return found;
}

/** The last assignment of an option. */
export function lastOf(unit: UnitText, section: string, name: string): UnitSetting | undefined {
  return unit.settings.findLast((setting) => setting.section === section && setting.name === name);
}

/** Whether the unit asks to be enabled, and whether what stands in `[Install]` says how. */
export function readInstall(unit: UnitText): 'absent' | 'empty' | 'present' {
  if (!unit.sections.includes('Install')) return 'absent';
  return ['WantedBy', 'RequiredBy', 'UpheldBy', 'Alias', 'Also'].some((name) => listOf(unit, 'Install', name).length > 0) ? 'present' : 'empty';
}
