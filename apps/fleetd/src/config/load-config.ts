import { readFileSync } from 'node:fs';
import { describeError } from '@fleet/runtime';
import { normaliseOptions, type FleetdConfig } from './normalise.ts';
import { parseConfigFile } from './parse-file.ts';
import type { Problem } from './problem.ts';
import { readOptions } from './read-options.ts';

const DEFAULT_CONFIG_FILE = '/etc/fleet/fleet.conf';

export interface LoadedConfig {
  /** Null when a problem is an error. */
  readonly config: FleetdConfig | null;
  readonly problems: readonly Problem[];
  /** The file that was read; null if there is none. */
  readonly file: string | null;
}

/**
 * Read → parse → normalise → check. `file` must exist when it is named; the default one need not.
 * Never throws: all that is wrong is in `problems`, at once.
 */
export function loadConfig(file: string | undefined, env: Readonly<Record<string, string | undefined>>, defaultFile = DEFAULT_CONFIG_FILE): LoadedConfig {
  const name = file ?? defaultFile;
  let text = '';
  let found = true;
  try {
    text = readFileSync(name, 'utf8');
  } catch (error) {
    const absent = typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';
    if (file !== undefined || !absent) {
      const problem: Problem = { severity: 'error', source: name, line: null, key: null, message: `the configuration file cannot be read: ${describeError(error)}`, remedy: 'name another one with --config' };
      return { config: null, problems: [problem], file: null };
    }
    found = false;
  }
  const parsed = parseConfigFile(text, name);
  const read = readOptions(parsed.assignments, name, env);
  const normalised = normaliseOptions(read);
  const problems = [...parsed.problems, ...read.problems, ...normalised.problems].sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity) || 0);
  const failed = problems.some(({ severity }) => severity === 'error');
  return { config: failed ? null : normalised.config, problems, file: found ? name : null };
}
