import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { UNITS } from './contract-units.ts';
import type { UnitManagerFixture } from './unit-manager-fixture.ts';

export function describeFilesContract(current: () => UnitManagerFixture): void {
  describe('unit files', () => {
    it('writes the text as it is, readable for all, and nothing beside it', async () => {
      const fixture = current();
      const text = `${UNITS.sleeper}# ä 🚀 no newline at the end`;
      await fixture.manager.load('contract-a.service', text);
      const directory = await fixture.readDirectory();
      if (directory === undefined) {
        expect(await fixture.manager.listFiles()).toEqual([{ name: 'contract-a.service', hash: sha1(text) }]);
        return;
      }
      expect([...directory]).toEqual([['contract-a.service', { mode: 0o644, text }]]);
    });

    it('replaces a file by a new one', async () => {
      const fixture = current();
      await fixture.manager.load('contract-a.service', UNITS.sleeper);
      await fixture.manager.load('contract-a.service', UNITS.remains);
      expect(await fixture.manager.listFiles()).toEqual([{ name: 'contract-a.service', hash: sha1(UNITS.remains) }]);
      const directory = await fixture.readDirectory();
      if (directory !== undefined) expect([...directory.keys()]).toEqual(['contract-a.service']);
    });

    it('sees edits by hand', async () => {
      const fixture = current();
      await fixture.manager.load('contract-a.service', UNITS.sleeper);
      expect(await fixture.manager.listFiles()).toEqual([{ name: 'contract-a.service', hash: sha1(UNITS.sleeper) }]);
      // Same length: only the content differs.
      const edited = UNITS.sleeper.replace('1000', '2000');
      await fixture.editFile('contract-a.service', edited);
      expect(await fixture.manager.listFiles()).toEqual([{ name: 'contract-a.service', hash: sha1(edited) }]);
    });

    it('gives the text of a file as it is now', async () => {
      const fixture = current();
      expect(await fixture.manager.readFile('contract-a.service')).toBeUndefined();
      await fixture.manager.load('contract-a.service', UNITS.sleeper);
      expect(await fixture.manager.readFile('contract-a.service')).toBe(UNITS.sleeper);
      await fixture.editFile('contract-a.service', UNITS.remains);
      expect(await fixture.manager.readFile('contract-a.service')).toBe(UNITS.remains);
      await fixture.manager.unload('contract-a.service');
      expect(await fixture.manager.readFile('contract-a.service')).toBeUndefined();
    });

    it('lists foreign unit files and ignores other files', async () => {
      const fixture = current();
      await fixture.editFile('contract-foreign.service', UNITS.sleeper);
      await fixture.editFile('contract-foreign.target', '[Unit]\n');
      if ((await fixture.readDirectory()) !== undefined) {
        for (const name of ['README', 'notes.txt', '.contract.service', 'x.service~', 'ü.service']) await fixture.editFile(name, 'x');
      }
      expect(await fixture.manager.listFiles()).toEqual([
        { name: 'contract-foreign.service', hash: sha1(UNITS.sleeper) },
        { name: 'contract-foreign.target', hash: sha1('[Unit]\n') },
      ]);
    });

    it('lists in the order of names', async () => {
      const { manager } = current();
      for (const name of ['contract-c.service', 'contract-a.service', 'contract-b.service']) await manager.load(name, UNITS.sleeper);
      expect((await manager.listFiles()).map((file) => file.name)).toEqual(['contract-a.service', 'contract-b.service', 'contract-c.service']);
    });
  });
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
