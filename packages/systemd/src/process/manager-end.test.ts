import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { waitUntil } from '@fleet/runtime/testing';
import { describe, expect, it } from '@jest/globals';

import { useProcessServices } from '../testing/process-services.ts';
import { isGroupAlive } from './process-info.ts';

const { directory, mainPid, open, output, paths, reaches, start } = useProcessServices();

describe('a manager that goes away', () => {
  it('ends its units when it is disposed', async () => {
    const manager = await open();
    await start(manager, 'a.service', [`ExecStart=/bin/sh -c "sleep 1000 & wait"`, `ExecStopPost=/bin/sh -c "echo post > ${directory()}/post"`]);
    const group = await mainPid('a.service');
    await manager[Symbol.asyncDispose]();
    expect(isGroupAlive(group)).toBe(false);
    expect(await readFile(join(directory(), 'post'), 'utf8')).toBe('post\n');
  });

  it('kills what does not stop in its time', async () => {
    const manager = await open({ disposeGraceMs: 100 });
    await start(manager, 'a.service', [`ExecStart=/bin/sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done'`]);
    await waitUntil('the trap', async () => (await output(manager, 'a.service')).includes('ready'));
    const group = await mainPid('a.service');
    await manager[Symbol.asyncDispose]();
    expect(isGroupAlive(group)).toBe(false);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('takes its units along when its process ends by %s', async (signal) => {
    const program = join(directory(), 'owner.ts');
    const index = fileURLToPath(new URL('./index.ts', import.meta.url));
    await writeFile(
      program,
      `import { createProcessUnitManager } from ${JSON.stringify(index)};
       import { systemClock } from ${JSON.stringify(fileURLToPath(new URL('../../../runtime/src/index.ts', import.meta.url)))};
       const manager = await createProcessUnitManager({ ...${JSON.stringify(paths())}, clock: systemClock });
       await manager.load('a.service', '[Service]\\nExecStart=/bin/sh -c "trap : TERM; sleep 1000 & while :; do wait; done"\\n');
       await (await manager.start('a.service')).result;
       console.log('started');
       setInterval(() => undefined, 1000);`,
    );
    const owner = spawn(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve) => owner.stdout.once('data', () => resolve()));
    const group = await mainPid('a.service');
    expect(isGroupAlive(group)).toBe(true);
    owner.kill(signal);
    await waitUntil('the units to end with it', () => !isGroupAlive(group));
  });

  it('leaves them to the next one where they belong to the machine', async () => {
    const first = await open({ lifetime: 'machine' });
    await start(first, 'runs.service', ['ExecStart=/bin/sleep 1000']);
    await start(first, 'exited.service', ['Type=oneshot', 'RemainAfterExit=yes', 'ExecStart=/bin/true', `ExecStop=/bin/sh -c "echo stop > ${directory()}/stopped"`]);
    await start(first, 'failed.service', ['Type=oneshot', 'ExecStart=/bin/false']);
    await reaches(first, 'failed.service', { active: 'failed' });
    const pid = await mainPid('runs.service');
    await first[Symbol.asyncDispose]();
    expect(isGroupAlive(pid)).toBe(true);

    const second = await open({ lifetime: 'machine' });
    const states = await second.readStates(['runs.service', 'exited.service', 'failed.service']);
    expect([...states.values()].map(({ active, sub, result }) => `${active} ${sub} ${result ?? ''}`)).toEqual(['active running success', 'active exited success', 'failed failed exit-code']);
    expect(await (await second.start('runs.service')).result).toBe('done');
    expect(await mainPid('runs.service')).toBe(pid);
    await (await second.stop('exited.service')).result;
    expect(await readFile(join(directory(), 'stopped'), 'utf8')).toBe('stop\n');
    await (await second.stop('runs.service')).result;
    expect(isGroupAlive(pid)).toBe(false);
    await reaches(second, 'runs.service', { active: 'inactive', sub: 'dead' });
  });

  it('leaves it to the next one to restart what ended meanwhile and asks for it', async () => {
    const first = await open({ lifetime: 'machine' });
    await start(first, 'again.service', ['ExecStart=/bin/sleep 1000', 'Restart=always']);
    await start(first, 'once.service', ['ExecStart=/bin/sleep 1000']);
    const pids = [await mainPid('again.service'), await mainPid('once.service')];
    await first[Symbol.asyncDispose]();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await waitUntil('both to be gone', () => !pids.some(isGroupAlive));
    const second = await open({ lifetime: 'machine' });
    await reaches(second, 'again.service', { active: 'active', sub: 'running' });
    await reaches(second, 'once.service', { active: 'inactive', sub: 'dead' });
  });

  it('leaves nothing of a unit whose file is gone', async () => {
    const first = await open({ lifetime: 'machine' });
    await start(first, 'a.service', ['ExecStart=/bin/sleep 1000']);
    const pid = await mainPid('a.service');
    await first[Symbol.asyncDispose]();
    await rm(join(directory(), 'units', 'a.service'));
    const second = await open({ lifetime: 'machine' });
    await waitUntil('the leftover to end', () => !isGroupAlive(pid));
    expect((await second.readStates(['a.service'])).get('a.service')?.load).toBe('not-found');
  });

  it('notices that a unit it took up has ended', async () => {
    const first = await open({ lifetime: 'machine' });
    await start(first, 'a.service', ['ExecStart=/bin/sleep 1000']);
    const pid = await mainPid('a.service');
    await first[Symbol.asyncDispose]();
    const second = await open({ lifetime: 'machine' });
    await reaches(second, 'a.service', { sub: 'running' });
    process.kill(pid, 'SIGKILL');
    await reaches(second, 'a.service', { active: 'inactive', sub: 'dead' });
  });
});
