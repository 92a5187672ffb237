import type { Assessment } from '@fleet/api-client/fast';
import type { Context, Output } from '../cli/context.ts';
import { machineLegend } from './columns.ts';
import { canDrawOver, styleOf, type Style } from './style.ts';

const FRAME_MS = 100;
/** Most units that get a line of their own; fewer on a terminal that is not that high. */
const MAX_LINES = 12;

/** Shows how waiting goes: a line for one unit, a list of tasks for many. Silent anywhere but on a terminal. */
export interface Progress extends Disposable {
  update(name: string, assessment: Assessment): void;
  done(name: string): void;
  /** Writes in between without spoiling the picture. */
  print(output: Output, text: string): void;
}

export function createProgress(context: Context, names: readonly string[]): Progress {
  if (!canDrawOver(context.stderr, context.env)) {
    return { update: () => undefined, done: () => undefined, print: (output, text) => output.write(text), [Symbol.dispose]: () => undefined };
  }
  return new LiveProgress(context.stderr, styleOf(context.stderr, context.env), names);
}

class LiveProgress implements Progress {
  private readonly output: Output;
  private readonly style: Style;
  private readonly open: Map<string, Assessment | undefined>;
  private readonly total: number;
  private readonly timer: NodeJS.Timeout;
  private drawn = 0;
  private frame = 0;

  constructor(output: Output, style: Style, names: readonly string[]) {
    this.output = output;
    this.style = style;
    this.open = new Map(names.map((name) => [name, undefined]));
    this.total = names.length;
    this.timer = setInterval(() => this.draw(), FRAME_MS);
    this.timer.unref();
  }

  update(name: string, assessment: Assessment): void {
    if (this.open.has(name)) this.open.set(name, assessment);
  }

  done(name: string): void {
    this.open.delete(name);
  }

  print(output: Output, text: string): void {
    this.erase();
    output.write(text);
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
    this.erase();
  }

  private draw(): void {
    this.erase();
    if (this.open.size === 0) return;
    const frames = this.style.unicode ? ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] : ['|', '/', '-', '\\'];
    const spinner = this.style.yellow(frames[this.frame++ % frames.length] ?? '');
    const shown = [...this.open].slice(0, Math.max(1, Math.min(MAX_LINES, this.output.rows - 2)));
    // A line that the terminal breaks would be two when it is erased.
    const columns = this.output.columns - 1;
    const width = Math.min(Math.max(...shown.map(([name]) => name.length)), columns - 2);
    const room = Math.max(0, columns - width - 4);
    const text = shown.map(([name, assessment]) => `${spinner} ${name.slice(0, width).padEnd(width)}${room === 0 ? '' : `  ${this.style.dim(describe(assessment).slice(0, room))}`}\n`);
    const done = this.total - this.open.size;
    if (this.total > 1) {
      const more = this.open.size - shown.length;
      text.push(`${this.style.dim(`  ${done} of ${this.total} done${more > 0 ? `, ${more} more waiting` : ''}`.slice(0, columns))}\n`);
    }
    this.output.write(text.join(''));
    this.drawn = text.length;
  }

  private erase(): void {
    if (this.drawn > 0) this.output.write(`\u001b[${this.drawn}A\u001b[J`);
    this.drawn = 0;
  }
}

function describe(assessment: Assessment | undefined): string {
  if (assessment === undefined) return 'asked for';
  if (assessment.kind === 'waiting') return assessment.machine === undefined ? assessment.doing : `${assessment.doing} on ${machineLegend(assessment.machine, undefined, false)}`;
  if (assessment.kind === 'reached') return assessment.state;
  return assessment.reason;
}
