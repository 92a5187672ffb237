import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openRuntimeMemory } from './runtime-memory.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleet-memory-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('the runtime memory', () => {
  it('gives the next process session, lease and what was asked for', async () => {
    const first = await openRuntimeMemory(directory, 'boot-1');
    await first.saveLease('42');
    await Promise.all([first.saveAsked('a.service', 'loaded'), first.saveAsked('a.service', 'launched'), first.saveAsked('b.service', 'launched'), first.saveAsked('c\\x2d@1.service', 'loaded')]);
    await first.saveAsked('b.service', null);
    const second = await openRuntimeMemory(directory, 'boot-1');
    expect(second.session).toEqual({ sessionId: first.session.sessionId, lease: '42' });
    expect(Object.fromEntries(second.asked)).toEqual({ 'a.service': 'launched', 'c\\x2d@1.service': 'loaded' });
    expect((await readdir(directory)).sort()).toEqual(['asked', 'session.json']);
  });

  it('keeps nothing over a reboot', async () => {
    const first = await openRuntimeMemory(directory, 'boot-1');
    await first.saveLease('42');
    await first.saveAsked('a.service', 'launched');
    const second = await openRuntimeMemory(directory, 'boot-2');
    expect(second.session.lease).toBeNull();
    expect(second.session.sessionId).not.toBe(first.session.sessionId);
    expect(second.asked.size).toBe(0);
    expect(JSON.parse(await readFile(join(directory, 'session.json'), 'utf8'))).toMatchObject({ bootId: 'boot-2', sessionId: second.session.sessionId });
  });

  it.each([
    { title: 'torn', text: '{"sessionId":"x' },
    { title: 'of another form', text: '[]' },
    { title: 'without a session', text: '{"sessionId":"","bootId":"boot-1"}' },
  ])('begins anew when the session file is $title', async ({ text }) => {
    await writeFile(join(directory, 'session.json'), text);
    const memory = await openRuntimeMemory(directory, 'boot-1');
    expect(memory.session.sessionId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('ignores words it does not know', async () => {
    await openRuntimeMemory(directory, 'boot-1');
    await writeFile(join(directory, 'asked', 'a.service'), 'laun');
    expect((await openRuntimeMemory(directory, 'boot-1')).asked.size).toBe(0);
  });

  it('names the directory it cannot use', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(openRuntimeMemory(join(directory, 'file'), 'boot-1')).rejects.toMatchObject({ code: 'RUNTIME_DIRECTORY', message: `cannot use the runtime directory ${join(directory, 'file')}` });
  });
});
