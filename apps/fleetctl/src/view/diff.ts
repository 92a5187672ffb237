import type { Style } from './style.ts';

const CONTEXT_LINES = 3;
/** Beyond this product of lengths the table of the longest common part would not fit; the texts are then shown one after the other. */
const MAX_CELLS = 4_000_000;

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** What has to change to get from one text to the other, as `diff -u` shows it. Empty if nothing has. */
export function formatDiff(before: string, after: string, names: readonly [before: string, after: string], style: Style): string {
  const lines = compareLines(toLines(before), toLines(after));
  if (lines.every((line) => line.sign === ' ')) return '';
  const shown = new Set<number>();
  for (const [index, line] of lines.entries()) {
    if (line.sign === ' ') continue;
    for (let near = index - CONTEXT_LINES; near <= index + CONTEXT_LINES; near += 1) shown.add(near);
  }
  const out = [style.bold(`--- ${names[0]}`), style.bold(`+++ ${names[1]}`)];
  let skipped = false;
  for (const [index, line] of lines.entries()) {
    if (!shown.has(index)) {
      skipped = true;
      continue;
    }
    if (skipped) out.push(style.dim('@@'));
    skipped = false;
    const text = `${line.sign}${line.text}`;
    out.push(line.sign === '-' ? style.red(text) : line.sign === '+' ? style.green(text) : text);
  }
  return `${out.join('\n')}\n`;
}

function toLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function compareLines(a: readonly string[], b: readonly string[]): Line[] {
  if (a.length * b.length > MAX_CELLS) return [...a.map((text): Line => ({ sign: '-', text })), ...b.map((text): Line => ({ sign: '+', text }))];
  const width = b.length + 1;
  // common[i * width + j]: length of the longest common part of a from i and b from j.
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = a[i] === b[j] ? (common[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: ' ', text: a[i] ?? '' });
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))) {
      lines.push({ sign: '-', text: a[i] ?? '' });
      i += 1;
    } else {
      lines.push({ sign: '+', text: b[j] ?? '' });
      j += 1;
    }
  }
  return lines;
}
