import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';

import { waitUntil } from '@fleet/runtime/testing';
import { describe, expect, it } from '@jest/globals';

import { useProcessServices } from '../testing/process-services.ts';
import type { ProcessUnitManagerOptions } from './process-unit-manager.ts';

const { directory, open, output, start } = useProcessServices();

/** Runs a oneshot that prints, and gives what it printed. */
async function printed(lines: readonly string[], options: Partial<ProcessUnitManagerOptions> = {}, name = 'prints.service'): Promise<string> {
  const manager = await open(options);
  expect(await start(manager, name, ['Type=oneshot', ...lines])).toBe('done');
  return output(manager, name);
}

describe('what a command gets', () => {
  it('is environment from everywhere, the later winning', async () => {
    await writeFile(join(directory(), 'env'), '# comment\nA=file\nB="two words"\nC=\'$raw\'\nD=joined\\\nline\nnonsense\n');
    process.env['FLEET_TEST_PASSED'] = 'passed';
    const text = await printed(
      [
        'Environment=A=unit "E=with blank" F=%n',
        `EnvironmentFile=${directory()}/env`,
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
    expect(await printed([`WorkingDirectory=${directory()}`, 'ExecStart=/bin/pwd'])).toBe(`${directory()}\n`);
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
      await start(manager, 'file.service', ['Type=oneshot', `StandardOutput=append:${directory()}/appended`, `StandardError=truncate:${directory()}/truncated`, `ExecStart=${both}`]);
    }
    await start(manager, 'same.service', ['Type=oneshot', `StandardOutput=file:${directory()}/same`, `ExecStart=${both}`]);
    expect(await output(manager, 'log.service')).toBe('out\nerr\n');
    expect(await output(manager, 'null.service')).toBe('err\n');
    expect(await readFile(join(directory(), 'appended'), 'utf8')).toBe('out\nout\n');
    expect(await readFile(join(directory(), 'truncated'), 'utf8')).toBe('err\n');
    expect(await readFile(join(directory(), 'same'), 'utf8')).toBe('out\nerr\n');
  });

  it('is bounded: a log that has grown is put aside', async () => {
    const manager = await open({ maxLogBytes: 10_000 });
    await start(manager, 'a.service', [`ExecStart=/bin/sh -c 'while :; do echo 0123456789012345678901234567890123456789; sleep 0.001; done'`]);
    const aside = `${manager.logPath('a.service')}.1`;
    await waitUntil('the log to be put aside', async () => (await readFile(aside, 'utf8')).length > 10_000, { deadlineMs: 15_000 });
    await waitUntil('the log to go on from the beginning', async () => (await output(manager, 'a.service')).length < 10_000);
  });
});
