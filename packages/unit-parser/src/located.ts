import type { LocatedUnitOption, UnitOption } from './types.ts';

/** Gives options of a list the places they have in the text that `formatUnitFile` makes of it. */
export function locateOptions(options: readonly UnitOption[]): LocatedUnitOption[] {
  const lines = new Map<UnitOption, number>();
  const groups = new Map<string, UnitOption[]>();
  for (const option of options) {
    const group = groups.get(option.section);
    if (group === undefined) groups.set(option.section, [option]);
    else group.push(option);
  }
  let line = 1;
  for (const [section, group] of groups) {
    line += 1 + countLines(section);
    for (const option of group) {
      lines.set(option, line);
      line += 1 + countLines(option.name) + countLines(option.value);
    }
    line += 1;
  }
  return options.map((option) => ({ ...option, line: lines.get(option) ?? 1, column: 1 }));
}

function countLines(text: string): number {
  let count = 0;
  for (let lf = text.indexOf('\n'); lf >= 0; lf = text.indexOf('\n', lf + 1)) count++;
  return count;
}
