import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { waitUntil } from '@fleet/runtime/testing';
import { describe, expect, it } from '@jest/globals';

import { useProcessServices } from '../testing/process-services.ts';
import { isGroupAlive } from './process-info.ts';

const { directory, mainPid, open, output, reaches, start } = useProcessServices();

describe('the life of a service', () => {
  it('runs all its commands in order', async () => {
    const manager = await open();
    const say = (word: string): string => `/bin/sh -c 'echo ${word} main=$MAINPID >> ${directory()}/order'`;
    await start(manager, 'a.service', [
      `ExecStartPre=/bin/sh -c 'echo pre1 >> ${directory()}/order'`,
      `ExecStartPre=/bin/sh -c 'echo pre2 >> ${directory()}/order'`,
      `ExecStart=/bin/sh -c 'echo start >> ${directory()}/order; exec sleep 1000'`,
      `ExecStartPost=${say('post')}`,
      `ExecStop=${say('stop')}`,
      `ExecStopPost=/bin/sh -c 'echo stop-post $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS >> ${directory()}/order'`,
    ]);
    await waitUntil('the start', async () => (await readFile(join(directory(), 'order'), 'utf8')).includes('start\n'));
    await (await manager.stop('a.service')).result;
    const lines = (await readFile(join(directory(), 'order'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(['post', 'pre1', 'pre2', 'start', 'stop', 'stop-post']);
    expect(lines.slice(0, 2)).toEqual(['pre1', 'pre2']);
    expect(lines.at(-1)).toBe('stop-post success killed TERM');
    const mains = lines.filter((line) => line.includes('main=')).map((line) => line.split('=')[1]);
    expect(mains[0]).toMatch(/^\d+$/);
    expect(mains[1]).toBe(mains[0]);
  });

  it('runs the commands of a oneshot one after the other until one fails', async () => {
    const manager = await open();
    expect(await start(manager, 'a.service', ['Type=oneshot', 'ExecStart=/bin/echo one', 'ExecStart=-/bin/false', 'ExecStart=/bin/echo two', 'ExecStart=/bin/false', 'ExecStart=/bin/echo three'])).toBe('failed');
    expect(await output(manager, 'a.service')).toBe('one\ntwo\n');
    await reaches(manager, 'a.service', { active: 'failed', result: 'exit-code' });
  });

  it('tells how the main process of a failed service ended', async () => {
    const manager = await open();
    await start(manager, 'a.service', ['ExecStart=/bin/sh -c "exit 7"']);
    await reaches(manager, 'a.service', { active: 'failed', result: 'exit-code', exit: 'exited with status 7' });
    await start(manager, 'b.service', ['ExecStart=/bin/sh -c "kill -KILL $$$$"']);
    await reaches(manager, 'b.service', { active: 'failed', result: 'signal', exit: 'was killed by SIGKILL' });
  });

  it('stops early when ExecStartPre fails, but runs ExecStopPost', async () => {
    const manager = await open();
    expect(await start(manager, 'a.service', ['ExecStartPre=/bin/false', 'ExecStart=/bin/echo never', 'ExecStopPost=/bin/echo after'])).toBe('failed');
    expect(await output(manager, 'a.service')).toBe('after\n');
  });

  it('passes through the words of systemd', async () => {
    const manager = await open();
    const seen: string[] = [];
    const ending = new AbortController();
    const events = manager.events({ signal: ending.signal });
    const reading = (async () => {
      for await (const event of events) if (event.kind === 'state') seen.push(`${event.state.active} ${event.state.sub}`);
    })().catch(() => undefined);
    await start(manager, 'a.service', ['ExecStartPre=/bin/sleep 0.05', 'ExecStart=/bin/sleep 1000', 'ExecStop=/bin/sleep 0.05', 'ExecStopPost=/bin/sleep 0.05']);
    await reaches(manager, 'a.service', { sub: 'running' });
    await (await manager.stop('a.service')).result;
    await waitUntil('the end', () => seen.at(-1) === 'inactive dead');
    ending.abort(new Error('over'));
    await reading;
    const order = ['activating start-pre', 'active running', 'deactivating stop', 'deactivating stop-post', 'inactive dead'];
    expect(order.map((word) => seen.lastIndexOf(word))).toEqual([...order.map((word) => seen.lastIndexOf(word))].sort((a, b) => a - b));
    for (const word of order) expect(seen).toContain(word);
  });

  const failures = [
    { what: 'a command that is not there, Type=simple', lines: ['ExecStart=/no/such/command'], job: 'done', result: 'exit-code' },
    { what: 'a command that is not there, Type=exec', lines: ['Type=exec', 'ExecStart=/no/such/command'], job: 'failed', result: 'exit-code' },
    { what: 'a working directory that is not there', lines: ['Type=exec', 'WorkingDirectory=/no/such', 'ExecStart=/bin/true'], job: 'failed', result: 'exit-code' },
    { what: 'an environment file that is not there', lines: ['EnvironmentFile=/no/such', 'ExecStart=/bin/true'], job: 'failed', result: 'resources' },
    { what: 'a signal', lines: ['ExecStart=/bin/sh -c "kill -KILL $$$$"'], job: 'done', result: 'signal' },
    { what: 'a start that takes too long', lines: ['Type=oneshot', 'TimeoutStartSec=100ms', 'ExecStart=/bin/sleep 1000'], job: 'failed', result: 'timeout' },
  ];
  it.each(failures)('fails for $what', async ({ lines, job, result }) => {
    const manager = await open();
    expect(await start(manager, 'a.service', lines)).toBe(job);
    await reaches(manager, 'a.service', { active: 'failed', sub: 'failed', result });
    expect(await readFile(manager.logPath('a.service'), 'utf8')).toContain(`failed with result ${result}`);
  });

  it('takes a failure for success where it is told to', async () => {
    const manager = await open();
    await start(manager, 'a.service', ['SuccessExitStatus=3 SIGKILL', 'ExecStart=/bin/sh -c "exit 3"']);
    await reaches(manager, 'a.service', { active: 'inactive', result: 'success' });
  });
});

describe('restarts', () => {
  it('happen after a failure, until the limit is hit', async () => {
    const manager = await open();
    await start(manager, 'a.service', ['ExecStart=/bin/sh -c "echo run; exit 1"', 'Restart=on-failure', 'RestartSec=10ms', 'StartLimitBurst=3', 'StartLimitInterval=60']);
    await reaches(manager, 'a.service', { active: 'failed', result: 'start-limit-hit' });
    expect(await output(manager, 'a.service')).toBe('run\nrun\nrun\n');
    // Forgetting the failure forgets the count.
    await manager.unload('a.service');
    expect(await start(manager, 'a.service', ['Type=oneshot', 'ExecStart=/bin/true'])).toBe('done');
  });

  const policies = [
    { restart: 'no', exit: 1, again: false },
    { restart: 'on-success', exit: 0, again: true },
    { restart: 'on-success', exit: 1, again: false },
    { restart: 'on-failure', exit: 0, again: false },
    { restart: 'on-abnormal', exit: 1, again: false },
    { restart: 'always', exit: 0, again: true },
  ];
  it.each(policies)('Restart=$restart after exit code $exit: $again', async ({ restart, exit, again }) => {
    const manager = await open();
    await start(manager, 'a.service', [`ExecStart=/bin/sh -c "exit ${exit}"`, `Restart=${restart}`, 'RestartSec=1h']);
    await reaches(manager, 'a.service', again ? { active: 'activating', sub: 'auto-restart' } : exit === 0 ? { active: 'inactive' } : { active: 'failed' });
  });

  it('end with a stop, and come at once with a start', async () => {
    const manager = await open();
    await start(manager, 'a.service', [`ExecStart=/bin/sh -c "test -e ${directory()}/go && exec sleep 1000"`, 'Restart=always', 'RestartSec=1h']);
    await reaches(manager, 'a.service', { sub: 'auto-restart' });
    await writeFile(join(directory(), 'go'), '');
    expect(await (await manager.start('a.service')).result).toBe('done');
    await reaches(manager, 'a.service', { sub: 'running' });
    await rm(join(directory(), 'go'));
    process.kill(await mainPid('a.service'), 'SIGKILL');
    await reaches(manager, 'a.service', { sub: 'auto-restart' });
    expect(await (await manager.stop('a.service')).result).toBe('done');
    await reaches(manager, 'a.service', { active: 'inactive', sub: 'dead' });
  });

  it.each([
    { what: 'prevents', line: 'RestartPreventExitStatus=7', state: { active: 'failed' } },
    { what: 'forces', line: 'RestartForceExitStatus=7', state: { sub: 'auto-restart' } },
  ])('an exit status $what one', async ({ line, state }) => {
    const manager = await open();
    await start(manager, 'a.service', ['ExecStart=/bin/sh -c "exit 7"', `Restart=${line.includes('Prevent') ? 'always' : 'no'}`, 'RestartSec=1h', line]);
    await reaches(manager, 'a.service', state);
  });
});

describe('stopping', () => {
  it('ends the whole process group', async () => {
    const manager = await open();
    await start(manager, 'a.service', ['ExecStart=/bin/sh -c "sleep 1000 & sleep 1000 & wait"']);
    const group = await mainPid('a.service');
    await (await manager.stop('a.service')).result;
    expect(isGroupAlive(group)).toBe(false);
    await reaches(manager, 'a.service', { active: 'inactive' });
  });

  it('ends what a main process left behind', async () => {
    const manager = await open();
    await start(manager, 'a.service', ['ExecStart=/bin/sh -c "sleep 1000 & sleep 0.3"']);
    const group = await mainPid('a.service');
    await reaches(manager, 'a.service', { active: 'inactive', result: 'success' });
    expect(isGroupAlive(group)).toBe(false);
  });

  it('uses the signal it is told to', async () => {
    const manager = await open();
    await start(manager, 'a.service', ['KillSignal=SIGUSR1', `ExecStart=/bin/sh -c 'trap "echo usr1; exit 0" USR1; echo ready; while :; do sleep 0.01; done'`]);
    await waitUntil('the trap', async () => (await output(manager, 'a.service')).includes('ready'));
    await (await manager.stop('a.service')).result;
    expect(await output(manager, 'a.service')).toContain('usr1');
    await reaches(manager, 'a.service', { active: 'inactive', result: 'success' });
  });

  it.each([
    { mode: 'mixed', survives: false },
    { mode: 'process', survives: true },
  ])('KillMode=$mode', async ({ mode, survives }) => {
    const manager = await open();
    await start(manager, 'a.service', [`KillMode=${mode}`, 'TimeoutStopSec=300ms', `ExecStart=/bin/sh -c 'sh -c "trap : TERM; echo ready; while :; do sleep 0.05; done" & exec sleep 1000'`]);
    await waitUntil('the trap', async () => (await output(manager, 'a.service')).includes('ready'));
    const group = await mainPid('a.service');
    await (await manager.stop('a.service')).result;
    expect(isGroupAlive(group)).toBe(survives);
    if (survives) process.kill(-group, 'SIGKILL');
  });

  it('starts again after a stop that is still going on', async () => {
    const manager = await open();
    await start(manager, 'a.service', ['ExecStart=/bin/sleep 1000', 'ExecStop=/bin/sleep 0.2']);
    const first = await mainPid('a.service');
    const stop = await manager.stop('a.service');
    await reaches(manager, 'a.service', { active: 'deactivating' });
    const again = await manager.start('a.service');
    expect(await stop.result).toBe('canceled');
    expect(await again.result).toBe('done');
    expect(await mainPid('a.service')).not.toBe(first);
  });
});
