import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { afterEach, beforeEach } from '@jest/globals';

import { createProcessUnitManager, type ProcessUnitManager, type ProcessUnitManagerOptions } from '../process/process-unit-manager.ts';
import type { RunRecord } from '../process/run-record.ts';
import type { LocalUnitState } from '../unit-manager.ts';

/** What tests of real services as child processes do; names are those of units. */
export interface ProcessServices {
  /** The directory of the running test. */
  readonly directory: () => string;
  readonly paths: () => Pick<ProcessUnitManagerOptions, 'unitsDirectory' | 'stateDirectory'>;
  /** A manager over that directory, disposed of at the end of the test; 500 ms of grace unless told. */
  readonly open: (options?: Partial<ProcessUnitManagerOptions>) => Promise<ProcessUnitManager>;
  /** Loads a unit with these lines in `[Service]` and starts it; the job's result. */
  readonly start: (manager: ProcessUnitManager, name: string, lines: readonly string[]) => Promise<string>;
  readonly reaches: (manager: ProcessUnitManager, name: string, expected: Partial<LocalUnitState>) => Promise<LocalUnitState>;
  /** What the unit wrote, without our own notes. */
  readonly output: (manager: ProcessUnitManager, name: string) => Promise<string>;
  readonly mainPid: (name: string) => Promise<number>;
}

/** Gives each test of the file a directory and managers over it; what they left running is ended, and the directory removed. */
export function useProcessServices(): ProcessServices {
  let directory: string;
  let managers: ProcessUnitManager[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fleet-services-'));
    managers = [];
  });
  afterEach(async () => {
    for (const manager of managers) await manager[Symbol.asyncDispose]();
    // Whatever still runs is taken up and ended by a manager that owns its units.
    const last = await createProcessUnitManager({ ...paths(), clock: systemClock, disposeGraceMs: 50 });
    await last[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const paths: ProcessServices['paths'] = () => ({ unitsDirectory: join(directory, 'units'), stateDirectory: join(directory, 'state') });
  const recordOf = async (name: string): Promise<RunRecord> => JSON.parse(await readFile(join(directory, 'state', 'run', `${name}.json`), 'utf8')) as RunRecord;
  return {
    directory: () => directory,
    paths,
    open: async (options = {}) => {
      const manager = await createProcessUnitManager({ ...paths(), clock: systemClock, disposeGraceMs: 500, ...options });
      managers.push(manager);
      return manager;
    },
    start: async (manager, name, lines) => {
      await manager.load(name, ['[Service]', ...lines, ''].join('\n'));
      return (await manager.start(name)).result;
    },
    reaches: (manager, name, expected) =>
      waitUntil(`${name} to be ${JSON.stringify(expected)}`, async () => {
        const state = (await manager.readStates([name])).get(name);
        return state !== undefined && Object.entries(expected).every(([key, value]) => state[key as keyof LocalUnitState] === value) ? state : undefined;
      }),
    output: async (manager, name) => {
      const text = await readFile(manager.logPath(name), 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter((line) => !/^\d{4}-\d\d-\d\dT\S+ fleet: /.test(line))
        .join('\n');
    },
    mainPid: (name) => waitUntil(`a main process of ${name}`, async () => (await recordOf(name)).main?.group),
  };
}
