import type { Runner } from './outcome.ts';

/** Loads the runner of each kind of file, when such a file is there: the libraries behind one are not needed for the others. */
export const RUNNERS: Readonly<Record<string, () => Promise<{ readonly runner: Runner }>>> = {
  'units.jsonl': () => import('./units.ts'),
  'names.jsonl': () => import('./names.ts'),
  'options.jsonl': () => import('./options.ts'),
  'globs.jsonl': () => import('./globs.ts'),
  'scheduling.jsonl': () => import('./scheduling.ts'),
  'agent.jsonl': () => import('./agent.ts'),
  'api.jsonl': () => import('./api.ts'),
};
