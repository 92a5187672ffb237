import type { ChangeEvent } from '@fleet/api-client/fast';
import type { Context } from '../cli/context.ts';

/** Changes within this time make one picture. */
const GATHER_MS = 50;

/**
 * Shows a picture that follows a stream. On a terminal it is drawn over itself; elsewhere each new one follows the last after an empty line (JSON:
 * a line each). Ends when the stream does, or in peace on Ctrl-C.
 */
export async function showLive(context: Context, changes: AsyncIterable<ChangeEvent>, take: (change: ChangeEvent) => (() => string) | undefined): Promise<void> {
  const { stdout, signal } = context;
  let render: (() => string) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let last = '';
  const draw = (): void => {
    timer = undefined;
    const text = render?.() ?? '';
    if (text === last) return;
    if (stdout.isTerminal) stdout.write(`\u001b[H\u001b[J${text}`);
    else stdout.write(last === '' || text.startsWith('[') ? text : `\n${text}`);
    last = text;
  };
  try {
    if (stdout.isTerminal) stdout.write('\u001b[2J');
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
