import { createHash } from 'node:crypto';
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { UnitDirectory } from './unit-directory.ts';

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

describe('the units directory', () => {
  let base: string;
  let path: string;
  let directory: UnitDirectory;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'fleet-directory-'));
    path = join(base, 'deep', 'units');
    directory = new UnitDirectory(path);
  });
  afterEach(async () => {
    await rm(base, { recursive: true, force: true });
  });

  it('is made when the first file is written, whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      await directory.write('a.service', 'text');
    } finally {
      process.umask(umask);
    }
    expect((await stat(join(path, 'a.service'))).mode & 0o777).toBe(0o644);
    expect(await readdir(path)).toEqual(['a.service']);
  });

  it('shows a reader either the old or the new file, never a part', async () => {
    const texts = ['a'.repeat(200_000), 'b'.repeat(300_000)];
    await directory.write('a.service', texts[0]!);
    let writing = true;
    const reading = (async () => {
      const seen = new Set<string>();
      while (writing) {
        const text = await readFile(join(path, 'a.service'), 'utf8');
        if (!texts.includes(text)) throw new Error(`read ${text.length} characters, neither the old nor the new text`);
        seen.add(text[0]!);
      }
      return seen.size;
    })();
    for (let round = 0; round < 40; round += 1) await directory.write('a.service', texts[round % 2]!);
    writing = false;
    expect(await reading).toBeGreaterThan(0);
  });

  it('writes side by side', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `a${String(index).padStart(2, '0')}.service`);
    await Promise.all(names.map((name) => directory.write(name, name)));
    expect(await directory.list()).toEqual(names.map((name) => ({ name, hash: sha1(name) })));
  });

  it('leaves nothing beside when it cannot write, and says where', async () => {
    await mkdir(join(path, 'a.service'), { recursive: true });
    await expect(directory.write('a.service', 'text')).rejects.toMatchObject({
      code: 'UNIT_FILE_WRITE',
      kind: 'internal',
      message: expect.stringContaining(join(path, 'a.service')) as unknown,
    });
    expect(await readdir(path)).toEqual(['a.service']);
    await writeFile(join(base, 'file'), '');
    await expect(new UnitDirectory(join(base, 'file')).write('a.service', 'text')).rejects.toMatchObject({ code: 'UNIT_FILE_WRITE' });
  });

  it('sees every change of a file: its content, its replacement, its removal', async () => {
    await directory.write('a.service', 'one');
    const old = new Date(Date.now() - 60_000);
    await utimes(join(path, 'a.service'), old, old);
    expect(await directory.list()).toEqual([{ name: 'a.service', hash: sha1('one') }]);
    await writeFile(join(path, 'a.service'), 'two');
    await utimes(join(path, 'a.service'), old, old);
    expect(await directory.list()).toEqual([{ name: 'a.service', hash: sha1('two') }]);
    await directory.write('a.service', 'six');
    expect(await directory.list()).toEqual([{ name: 'a.service', hash: sha1('six') }]);
    await directory.remove('a.service');
    await directory.remove('a.service');
    expect(await directory.list()).toEqual([]);
  });

  it('lists what systemd would load and nothing else', async () => {
    await directory.write('a.service', 'x');
    await link(join(path, 'a.service'), join(path, 'b.timer'));
    for (const name of ['.c.service', 'd.service.tmp', 'e.scope', 'f.snapshot', 'g', 'h i.service']) await writeFile(join(path, name), 'x');
    await mkdir(join(path, 'j.service.d'));
    await mkdir(join(path, 'k.service'));
    await chmod(join(path, 'b.timer'), 0o600);
    expect((await directory.list()).map((file) => file.name)).toEqual(['a.service', 'b.timer']);
  });

  it('is empty where there is none', async () => {
    expect(await directory.list()).toEqual([]);
    expect(await directory.read('a.service')).toBeUndefined();
    expect(await directory.has('a.service')).toBe(false);
  });

  it.each(['../a.service', '/etc/a.service', 'a', 'a/b.service'])('never makes a path of %j', async (name) => {
    await expect(directory.write(name, 'x')).rejects.toMatchObject({ code: 'UNIT_REFUSED' });
    await expect(directory.read(name)).rejects.toMatchObject({ code: 'UNIT_REFUSED' });
    await expect(directory.remove(name)).rejects.toMatchObject({ code: 'UNIT_REFUSED' });
    expect(await directory.has(name)).toBe(false);
  });

  it('stops listing when aborted', async () => {
    await directory.write('a.service', 'x');
    const reason = new Error('enough');
    await expect(directory.list(AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
