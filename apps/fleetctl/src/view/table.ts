const TAB = 8;

export interface TableOptions {
  /** Whether the first line names the columns. */
  readonly legend: boolean;
}

/**
 * Columns separated by tabs so that they line up at tab stops of eight (fleetctl specification, 8.1): every cell but the last is followed by at
 * least one tab and by as many as its column's longest cell needs. Nothing is cut.
 */
export function formatTable(fields: readonly string[], rows: readonly (readonly string[])[], { legend }: TableOptions): string {
  const all = legend ? [fields.map((field) => field.toUpperCase()), ...rows] : rows;
  const stops = fields.map((_, column) => all.reduce((most, row) => Math.max(most, stopAfter(row[column] ?? '')), 1));
  let text = '';
  for (const row of all) {
    const last = fields.length - 1;
    for (let column = 0; column < last; column += 1) {
      const cell = row[column] ?? '';
      text += cell + '\t'.repeat((stops[column] ?? 1) - stopAfter(cell) + 1);
    }
    text += `${row[last] ?? ''}\n`;
  }
  return text;
}

/** Number of the tab stop that lies behind a cell. */
function stopAfter(cell: string): number {
  return Math.floor(characters(cell) / TAB) + 1;
}

function characters(cell: string): number {
  // Only what is not ASCII needs to be counted character by character.
  return /^[\0-\x7f]*$/.test(cell) ? cell.length : Array.from(cell).length;
}
