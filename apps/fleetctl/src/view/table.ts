const TAB = 8;

export interface TableOptions {
  /** Whether the first line names the columns. */
  readonly legend: boolean;
}

/**
 * Columns separated by tabs so that they line up at tab stops of eight (as Go's `text/tabwriter` for the original): every cell but the last is followed by at
 * least one tab and by as many as its column's longest cell needs. Nothing is cut.
 */
export function formatTable(fields: readonly string[], rows: readonly (readonly string[])[], { legend }: TableOptions): string {
  const all = legend ? [fields.map((field) => field.toUpperCase()), ...rows] : rows;
  const last = fields.length - 1;
  // Looked at as a whole: cell by cell this is most of the time that a long table takes.
  const widthOf = all.every((row) => isAscii(row.join(''))) ? (cell: string): number => cell.length : countCharacters;
  /** Number of the tab stop that lies behind a cell. */
  const stopAfter = (cell: string): number => Math.floor(widthOf(cell) / TAB) + 1;
  const stops: number[] = [];
  for (let column = 0; column < last; column += 1) {
    let most = 1;
    for (const row of all) most = Math.max(most, stopAfter(row[column] ?? ''));
    stops.push(most);
  }
  let text = '';
  for (const row of all) {
    for (let column = 0; column < last; column += 1) {
      const cell = row[column] ?? '';
      text += cell + '\t'.repeat((stops[column] ?? 1) - stopAfter(cell) + 1);
    }
    text += `${row[last] ?? ''}\n`;
  }
  return text;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

function countCharacters(text: string): number {
  return isAscii(text) ? text.length : Array.from(text).length;
}
