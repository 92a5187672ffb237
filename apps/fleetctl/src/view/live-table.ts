import type { ChangeEvent } from '@fleet/api-client/fast';
import type { Context } from '../cli/context.ts';
import { canDrawOver } from './style.ts';

/** Changes within this time make one picture. */
const GATHER_MS = 50;

export interface LiveOptions {
  /** Every picture is a line of its own and none is drawn over. */
  readonly lines: boolean;
}

/**
 * Shows a picture that follows a stream. On a terminal it is drawn over itself; elsewhere each new one follows the last after an empty line. Ends when
 * the stream does, or in peace on Ctrl-C.
 */
export async function showLive(context: Context, changes: AsyncIterable<ChangeEvent>, take: (change: ChangeEvent) => (() => string) | undefined, { lines }: LiveOptions): Promise<void> {
  const { stdout, signal } = context;
  const drawsOver = !lines && canDrawOver(stdout, context.env);
  let render: (() => string) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let last = '';
  const draw = (): void => {
    timer = undefined;
    const text = render?.() ?? '';
    if (text === last) return;
    if (drawsOver) stdout.write(`\u001b[H\u001b[J${fitToHeight(text, stdout.rows)}`);
    else stdout.write(lines || last === '' ? text : `\n${text}`);
    last = text;
  };
  try {
    if (drawsOver) stdout.write('\u001b[2J');
    for await (const change of changes) {
      const next = take(change);
      if (next === undefined) continue;
      render = next;
      timer ??= setTimeout(draw, last === '' ? 0 : GATHER_MS);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The top of a picture that is higher than the terminal, with what is missing; scrolled away, the top would be lost. */
export function fitToHeight(text: string, rows: number): string {
  const lines = text.split('\n');
  // The cursor ends on a line of its own.
  if (lines.length <= rows) return text;
  const room = Math.max(1, rows - 2);
  return `${lines.slice(0, room).join('\n')}\n... ${lines.length - 1 - room} more lines\n`;
}
