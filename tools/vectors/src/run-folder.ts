import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type CaseResult, failed, type Runner } from './outcome.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly departed: number;
}

export type Runners = Readonly<Record<string, () => Promise<{ readonly runner: Runner }>>>;

/** Nothing could be run: the folder cannot be read, or holds no file that a runner knows. */
export class FolderError extends Error {}

/**
 * Runs every `*.jsonl` file of a folder through the runner of its name, and prints each difference. A file without a runner is
 * named and counts as one failure, so that it is not overlooked.
 */
export async function runFolder(folder: string, runners: Runners, print: (line: string) => void): Promise<Counts> {
  const files = (await list(folder)).filter((file) => file.endsWith('.jsonl')).sort();
  if (files.length === 0) throw new FolderError(`${folder} holds no *.jsonl file; known are ${Object.keys(runners).join(', ')}`);
  const counts = { passed: 0, failed: 0, departed: 0 };
  for (const file of files) {
    for await (const { id, outcome } of runFile(join(folder, file), file, runners)) {
      counts[outcome.kind]++;
      if (outcome.kind !== 'passed') print(describe(file, id, outcome));
    }
  }
  return counts;
}

async function* runFile(path: string, file: string, runners: Runners): AsyncIterable<CaseResult> {
  const load = runners[file];
  if (load === undefined) {
    yield { id: 'whole file', outcome: failed(`no runner for this file; known are ${Object.keys(runners).join(', ')}`) };
    return;
  }
  const cases: unknown[] = [];
  for (const [i, line] of (await readFile(path, 'utf8')).split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      cases.push(JSON.parse(line));
    } catch (error) {
      yield { id: `line ${i + 1}`, outcome: failed(`not JSON: ${error instanceof Error ? error.message : String(error)}`) };
    }
  }
  let results = 0;
  try {
    const { runner } = await load();
    for await (const result of runner.run(cases)) {
      yield mayDepart(cases[results]) ? result : withoutDeparture(result);
      results++;
    }
  } catch (error) {
    yield { id: `after ${results} of ${cases.length} cases`, outcome: failed(error instanceof Error ? (error.stack ?? error.message) : String(error)) };
    return;
  }
  if (results !== cases.length) yield { id: 'whole file', outcome: failed(`${cases.length} cases gave ${results} results`) };
}

/** Only a case that is marked as a quirk or defect of the original may be departed from. */
function mayDepart(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if ('match' in value && value.match === 'defect') return true;
  return 'tags' in value && Array.isArray(value.tags) && value.tags.includes('quirk');
}

function withoutDeparture({ id, outcome }: CaseResult): CaseResult {
  if (outcome.kind !== 'departed') return { id, outcome };
  return { id, outcome: failed(`${outcome.difference}\nrule (but the case is not marked as a quirk or defect): ${outcome.rule}`) };
}

function describe(file: string, id: string, outcome: Exclude<CaseResult['outcome'], { kind: 'passed' }>): string {
  const lines = [`${outcome.kind}: ${file}: ${id}`, ...indent(outcome.difference)];
  if (outcome.kind === 'departed') lines.push(...indent(`rule: ${outcome.rule}`));
  return lines.join('\n');
}

function indent(text: string): string[] {
  return text.split('\n').map((line) => `    ${line}`);
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new FolderError(`cannot read folder ${folder}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
