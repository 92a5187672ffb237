import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createLogger, systemClock, type LogFields, type Logger } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { beforeEach, describe, expect, it } from '@jest/globals';

import { useProcessServices } from '../testing/process-services.ts';
import type { LocalUnitState } from '../unit-manager.ts';
import type { ProcessUnitManager } from './process-unit-manager.ts';

const { directory, mainPid, open, reaches, start } = useProcessServices();

let lines: string[];
let logger: Logger;
beforeEach(() => {
  lines = [];
  logger = createLogger({ level: () => 'info', format: 'json', write: (line) => lines.push(line) });
});
const logged = (): LogFields[] => lines.map((line) => JSON.parse(line) as LogFields).filter(({ message }) => String(message).startsWith('record of'));

const records = (): string => join(directory(), 'state', 'run');

/** Records can neither be written nor read, as on a disk that is full or broken. */
async function breakRecords(): Promise<void> {
  await rm(records(), { recursive: true, force: true });
  await mkdir(join(directory(), 'state'), { recursive: true });
  await writeFile(records(), 'in the way');
}

/** States of a unit that the manager tells, from now on. */
function follow(manager: ProcessUnitManager, name: string): LocalUnitState[] {
  const told: LocalUnitState[] = [];
  void (async () => {
    for await (const event of manager.events({ signal: new AbortController().signal })) if (event.kind === 'state' && event.name === name) told.push(event.state);
  })();
  return told;
}

describe('a record that cannot be written', () => {
  it('keeps no state from being told, and is written as soon as it can be', async () => {
    const manager = await open({ lifetime: 'machine', logger });
    await breakRecords();
    const told = follow(manager, 'a.service');
    expect(await start(manager, 'a.service', ['ExecStart=/bin/sleep 1000'])).toBe('done');
    await waitUntil('the state to be told', () => told.some(({ sub }) => sub === 'running'));
    expect(logged()).toEqual([expect.objectContaining({ level: 'warn', unit: 'a.service', remedy: expect.stringContaining('make room') as unknown })]);

    await rm(records());
    const pid = await mainPid('a.service');
    await waitUntil('that to be said', () => logged().length === 2);
    expect(logged()[1]).toMatchObject({ level: 'info', unit: 'a.service' });

    // As after kill -9 of the first.
    const next = await open({ lifetime: 'machine' });
    await reaches(next, 'a.service', { active: 'active', sub: 'running' });
    expect(await (await next.start('a.service')).result).toBe('done');
    expect(await mainPid('a.service')).toBe(pid);
    await (await next.stop('a.service')).result;
  });

  it('is written at the next change, without a wait', async () => {
    const standing = { ...systemClock, schedule: () => () => undefined };
    const manager = await open({ lifetime: 'machine', logger, clock: standing });
    await breakRecords();
    await start(manager, 'a.service', ['ExecStart=/bin/sleep 1000']);
    await waitUntil('the failure', () => logged().length === 1);
    await rm(records());
    await (await manager.stop('a.service')).result;
    await waitUntil('that to be said', () => logged().length === 2);
    expect(logged()[1]).toMatchObject({ level: 'info', unit: 'a.service' });
  });

  it('is tried a last time when the manager goes', async () => {
    const standing = { ...systemClock, schedule: () => () => undefined };
    const manager = await open({ lifetime: 'machine', logger, clock: standing });
    await breakRecords();
    await start(manager, 'a.service', ['ExecStart=/bin/sleep 1000']);
    await rm(records());
    await manager[Symbol.asyncDispose]();
    const next = await open();
    await reaches(next, 'a.service', { active: 'active', sub: 'running' });
  });
});
