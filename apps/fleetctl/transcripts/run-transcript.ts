import { readFileSync, writeFileSync } from 'node:fs';
import { runFleetctl } from '../src/run.ts';
import { createWorld } from '../src/world.ts';
import { formatTranscript, parseTranscript, type Step } from './transcript.ts';

export interface TranscriptOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Texts that differ from run to run, with what stands for them. */
  readonly replace: readonly (readonly [RegExp | string, string])[];
}

const PATIENCE_MS = 10_000;

/** Runs one command line in this process; what it printed, as a transcript shows it. */
export async function record(argv: readonly string[], options: TranscriptOptions, sorted = false): Promise<string> {
  let stdout = '';
  let stderr = '';
  const output = (write: (text: string) => void): { write: (text: string) => void; isTerminal: boolean; columns: number; rows: number } => ({ write, isTerminal: false, columns: 80, rows: 24 });
  const code = await runFleetctl(
    argv,
    createWorld({
      env: { HOME: '/nonexistent', PATH: process.env['PATH'] ?? '', ...options.env },
      cwd: options.cwd,
      stdout: output((text) => (stdout += text)),
      stderr: output((text) => (stderr += text)),
      stdinIsTerminal: () => false,
      onInterrupt: () => undefined,
    }),
  );
  if (sorted) stdout = stdout.split('\n').sort().join('\n').replace(/^\n/, '') + '\n';
  let text = stdout === '' || stdout.endsWith('\n') ? stdout : `${stdout}\\\n`;
  for (const line of stderr.replace(/\n$/, '').split('\n')) if (stderr !== '') text += `2> ${line}\n`;
  for (const [from, to] of options.replace) text = text.replaceAll(from, to);
  return `${text}[${code}]\n`;
}

/** Runs a whole transcript and returns it as it came out; with FLEET_REWRITE=1 the file is rewritten to that. */
export async function runTranscript(file: string, options: TranscriptOptions): Promise<{ readonly expected: string; readonly actual: string }> {
  const expected = readFileSync(file, 'utf8');
  const done: Step[] = [];
  for (const step of parseTranscript(expected)) {
    let printed = await record(step.argv, options, step.prompt === '*$');
    const deadline = performance.now() + PATIENCE_MS;
    while (step.prompt === '~$' && printed !== step.expected && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      printed = await record(step.argv, options);
    }
    done.push({ ...step, expected: printed });
  }
  const actual = formatTranscript(done);
  if (process.env['FLEET_REWRITE'] === '1') writeFileSync(file, actual);
  return { expected: process.env['FLEET_REWRITE'] === '1' ? actual : expected, actual };
}
