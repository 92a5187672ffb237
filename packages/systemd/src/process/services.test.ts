import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { systemClock } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { LocalUnitState } from '../unit-manager.ts';
import { isGroupAlive } from './process-info.ts';
import { createProcessUnitManager, type ProcessUnitManager, type ProcessUnitManagerOptions } from './process-unit-manager.ts';

let directory: string;
let managers: ProcessUnitManager[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleet-services-'));
  managers = [];
});

afterEach(async () => {
  for (const manager of managers) await manager[Symbol.asyncDispose]();
  const last = await createProcessUnitManager({ ...paths(), clock: systemClock, disposeGraceMs: 50 });
  await last[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

function paths(): Pick<ProcessUnitManagerOptions, 'unitsDirectory' | 'stateDirectory'> {
  return { unitsDirectory: join(directory, 'units'), stateDirectory: join(directory, 'state') };
}

async function open(options: Partial<ProcessUnitManagerOptions> = {}): Promise<ProcessUnitManager> {
  const manager = await createProcessUnitManager({ ...paths(), clock: systemClock, disposeGraceMs: 500, ...options });
  managers.push(manager);
  return manager;
}

async function start(manager: ProcessUnitManager, name: string, lines: readonly string[]): Promise<string> {
  await manager.load(name, ['[Service]', ...lines, ''].join('\n'));
  return (await manager.start(name)).result;
}

async function reaches(manager: ProcessUnitManager, name: string, expected: Partial<LocalUnitState>): Promise<LocalUnitState> {
  return waitUntil(`${name} to be ${JSON.stringify(expected)}`, async () => {
    const state = (await manager.readStates([name])).get(name);
    return state !== undefined && Object.entries(expected).every(([key, value]) => state[key as keyof LocalUnitState] === value) ? state : undefined;
  });
}

/** What the unit wrote, without our own notes. */
async function output(manager: ProcessUnitManager, name: string): Promise<string> {
  const text = await readFile(manager.logPath(name), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => !/^\d{4}-\d\d-\d\dT\S+ fleet: /.test(line))
    .join('\n');
}

/** Runs a oneshot that prints, and gives what it printed. */
async function printed(lines: readonly string[], options: Partial<ProcessUnitManagerOptions> = {}, name = 'prints.service'): Promise<string> {
  const manager = await open(options);
  expect(await start(manager, name, ['Type=oneshot', ...lines])).toBe('done');
  return output(manager, name);
}

describe('the life of a service', () => {
  it('runs all its commands in order', async () => {
    const manager = await open();
    const say = (word: string): string => `/bin/sh -c 'echo ${word} main=$MAINPID >> ${directory}/order'`;
    await start(manager, 'a.service', [
      `ExecStartPre=/bin/sh -c 'echo pre1 >> ${directory}/order'`,
      `ExecStartPre=/bin/sh -c 'echo pre2 >> ${directory}/order'`,
      `ExecStart=/bin/sh -c 'echo start >> ${directory}/order; exec sleep 1000'`,
      `ExecStartPost=${say('post')}`,
      `ExecStop=${say('stop')}`,
      `ExecStopPost=/bin/sh -c 'echo stop-post $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS >> ${directory}/order'`,
    ]);
    await waitUntil('the start', async () => (await readFile(join(directory, 'order'), 'utf8')).includes('start\n'));
    await (await manager.stop('a.service')).result;
    const lines = (await readFile(join(directory, 'order'), 'utf8')).trim().split('\n');
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
    await start(manager, 'a.service', [`ExecStart=/bin/sh -c "test -e ${directory}/go && exec sleep 1000"`, 'Restart=always', 'RestartSec=1h']);
    await reaches(manager, 'a.service', { sub: 'auto-restart' });
    await writeFile(join(directory, 'go'), '');
    expect(await (await manager.start('a.service')).result).toBe('done');
    await reaches(manager, 'a.service', { sub: 'running' });
    await rm(join(directory, 'go'));
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

interface Record {
  readonly main?: { readonly group: number };
  readonly others: readonly { readonly group: number }[];
}

async function recordOf(name: string): Promise<Record> {
  return JSON.parse(await readFile(join(directory, 'state', 'run', `${name}.json`), 'utf8')) as Record;
}

function mainPid(name: string): Promise<number> {
  return waitUntil(`a main process of ${name}`, async () => (await recordOf(name)).main?.group);
}

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
    await start(manager, 'a.service', [`KillMode=${mode}`, 'TimeoutStopSec=300ms', `ExecStart=/bin/sh -c 'sh -c "trap : TERM; while :; do sleep 0.05; done" & exec sleep 1000'`]);
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

describe('what a command gets', () => {
  it('is environment from everywhere, the later winning', async () => {
    await writeFile(join(directory, 'env'), '# comment\nA=file\nB="two words"\nC=\'$raw\'\nD=joined\\\nline\nnonsense\n');
    process.env['FLEET_TEST_PASSED'] = 'passed';
    const text = await printed(
      [
        'Environment=A=unit "E=with blank" F=%n',
        `EnvironmentFile=${directory}/env`,
        'EnvironmentFile=-/no/such/file',
        'PassEnvironment=FLEET_TEST_PASSED',
        'UnsetEnvironment=BASE',
        `ExecStart=/bin/sh -c 'echo "$$A|$$B|$$C|$$D|$$E|$$F|$$FLEET_TEST_PASSED|$\$\{BASE-unset}|$$OTHER|$$USER"'`,
      ],
      { environment: { BASE: 'base', OTHER: 'other' } },
    );
    Reflect.deleteProperty(process.env, 'FLEET_TEST_PASSED');
    expect(text).toBe(`file|two words|$raw|joinedline|with blank|prints.service|passed|unset|other|${userInfo().username}\n`);
  });

  it('is arguments with variables, quotes and specifiers filled in', async () => {
    const text = await printed([
      'Environment="WORDS=one two" "EMPTY="',
      `ExecStart=/bin/sh -c 'for word; do printf "[%%s]" "$$word"; done; echo' sh $WORDS "\${WORDS}" x\${WORDS}y $EMPTY $MISSING "" 'a b' %i %p %N %% $$HOME a\\x20b`,
    ], {}, 'prints@in-st.service');
    expect(text).toBe('[one][two][one two][xone twoy][][a b][in-st][prints][prints@in-st][%][$HOME][a b]\n');
  });

  it('leaves variables alone after a colon, and takes another name after @', async () => {
    expect(await printed(['ExecStart=:/bin/echo $HOME ${HOME}', `ExecStart=@/bin/sh renamed -c 'echo $$0'`])).toBe('$HOME ${HOME}\nrenamed\n');
  });

  it('is several commands of one line', async () => {
    expect(await printed(['ExecStart=/bin/echo one ; /bin/echo two \\; three'])).toBe('one\ntwo ; three\n');
  });

  it('is found in the path systemd looks through', async () => {
    expect(await printed(['ExecStart=echo found'])).toBe('found\n');
  });

  it('is its working directory', async () => {
    expect(await printed([`WorkingDirectory=${directory}`, 'ExecStart=/bin/pwd'])).toBe(`${directory}\n`);
    expect(await printed(['ExecStart=/bin/pwd'], {}, 'second.service')).toBe('/\n');
  });

  it('is the machine id and host name of its manager', async () => {
    expect(await printed(['ExecStart=/bin/echo %m %H'], { machineId: 'a'.repeat(32), hostname: 'one.example' })).toBe(`${'a'.repeat(32)} one.example\n`);
  });
});

describe('output', () => {
  it('goes where the unit says', async () => {
    const manager = await open();
    const both = `/bin/sh -c 'echo out; echo err >&2'`;
    await start(manager, 'log.service', ['Type=oneshot', `ExecStart=${both}`]);
    await start(manager, 'null.service', ['Type=oneshot', 'StandardOutput=null', 'StandardError=journal', `ExecStart=${both}`]);
    for (let round = 0; round < 2; round += 1) {
      await start(manager, 'file.service', ['Type=oneshot', `StandardOutput=append:${directory}/appended`, `StandardError=truncate:${directory}/truncated`, `ExecStart=${both}`]);
    }
    await start(manager, 'same.service', ['Type=oneshot', `StandardOutput=file:${directory}/same`, `ExecStart=${both}`]);
    expect(await output(manager, 'log.service')).toBe('out\nerr\n');
    expect(await output(manager, 'null.service')).toBe('err\n');
    expect(await readFile(join(directory, 'appended'), 'utf8')).toBe('out\nout\n');
    expect(await readFile(join(directory, 'truncated'), 'utf8')).toBe('err\n');
    expect(await readFile(join(directory, 'same'), 'utf8')).toBe('out\nerr\n');
  });

  it('is bounded: a log that has grown is put aside', async () => {
    const manager = await open({ maxLogBytes: 10_000 });
    await start(manager, 'a.service', [`ExecStart=/bin/sh -c 'while :; do echo 0123456789012345678901234567890123456789; sleep 0.001; done'`]);
    const aside = `${manager.logPath('a.service')}.1`;
    await waitUntil('the log to be put aside', async () => (await readFile(aside, 'utf8')).length > 10_000, { deadlineMs: 15_000 });
    await waitUntil('the log to go on from the beginning', async () => (await output(manager, 'a.service')).length < 10_000);
  });
});

describe('a manager that goes away', () => {
  it('ends its units when it is disposed', async () => {
    const manager = await open();
    await start(manager, 'a.service', [`ExecStart=/bin/sh -c "sleep 1000 & wait"`, `ExecStopPost=/bin/sh -c "echo post > ${directory}/post"`]);
    const group = await mainPid('a.service');
    await manager[Symbol.asyncDispose]();
    expect(isGroupAlive(group)).toBe(false);
    expect(await readFile(join(directory, 'post'), 'utf8')).toBe('post\n');
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
    const program = join(directory, 'owner.ts');
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
    await start(first, 'exited.service', ['Type=oneshot', 'RemainAfterExit=yes', 'ExecStart=/bin/true', `ExecStop=/bin/sh -c "echo stop > ${directory}/stopped"`]);
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
    expect(await readFile(join(directory, 'stopped'), 'utf8')).toBe('stop\n');
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
    await rm(join(directory, 'units', 'a.service'));
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
