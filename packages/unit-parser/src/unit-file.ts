import type { UnitOption } from './types.ts';

/**
 * Writes options as the text that fleet stores, hashes and puts on the machine's disk: sections in order of first use, options in
 * order inside them, one empty line between sections, nothing escaped (as go-systemd `unit/serialize.go`).
 */
export function formatUnitFile(options: readonly UnitOption[]): string {
  const texts = new Map<string, string>();
  let section: string | undefined;
  let text = '';
  for (const option of options) {
    if (option.section !== section) {
      if (section !== undefined) texts.set(section, text);
      section = option.section;
      text = texts.get(section) ?? `[${section}]\n`;
      if (!texts.has(section)) texts.set(section, text);
    }
    text += `${option.name}=${option.value}\n`;
  }
  if (section === undefined) return '';
  if (texts.size === 1) return text;
  texts.set(section, text);
  return [...texts.values()].join('\n');
}

/** Whether two lists hold the same options in the same order; places do not count. */
export function sameOptions(a: readonly UnitOption[], b: readonly UnitOption[]): boolean {
  return (
    a.length === b.length &&
    a.every((option, i) => {
      const other = b[i];
      return other !== undefined && option.section === other.section && option.name === other.name && option.value === other.value;
    })
  );
}

/** The options in the order in which `formatUnitFile` writes them: grouped by section. */
export function groupBySection<T extends UnitOption>(options: readonly T[]): T[] {
  const groups = new Map<string, T[]>();
  for (const option of options) {
    const group = groups.get(option.section);
    if (group === undefined) groups.set(option.section, [option]);
    else group.push(option);
  }
  return [...groups.values()].flat();
}

/** The first `Description` of section `Unit`, or empty. */
export function unitDescription(options: readonly UnitOption[]): string {
  return options.find((option) => option.section === 'Unit' && option.name === 'Description')?.value ?? '';
}
