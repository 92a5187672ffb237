import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '@fleet/runtime';

import { describeUnitManagerContract, type UnitManagerFixture } from '../testing/index.ts';
import { createProcessUnitManager } from './process-unit-manager.ts';

async function processFixture(): Promise<UnitManagerFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'fleet-process-'));
  const unitsDirectory = join(directory, 'units');
  const open = () => createProcessUnitManager({ unitsDirectory, stateDirectory: join(directory, 'state'), clock: systemClock, disposeGraceMs: 200, lifetime: 'machine' });
  const managers = [await open()];
  return {
    manager: managers[0]!,
    directory,
    types: [],
    editFile: async (name, text) => {
      await mkdir(unitsDirectory, { recursive: true });
      await writeFile(join(unitsDirectory, name), text);
      await chmod(join(unitsDirectory, name), 0o644);
    },
    readDirectory: async () => {
      const entries = await readdir(unitsDirectory).catch(() => []);
      return new Map(await Promise.all(entries.map(async (name) => [name, { mode: (await stat(join(unitsDirectory, name))).mode & 0o777, text: await readFile(join(unitsDirectory, name), 'utf8') }] as const)));
    },
    reopen: async () => {
      const manager = await open();
      managers.push(manager);
      return manager;
    },
    [Symbol.asyncDispose]: async () => {
      for (const manager of managers) await manager[Symbol.asyncDispose]();
      // Whatever still runs is taken up and ended by a manager that owns its units.
      const last = await createProcessUnitManager({ unitsDirectory, stateDirectory: join(directory, 'state'), clock: systemClock, disposeGraceMs: 50 });
      await last[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

describeUnitManagerContract('process', processFixture, { withoutConnection: 'the processes are our own children' });
