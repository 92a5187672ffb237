import { describe, expect, it } from '@jest/globals';
import type { UnitHash, UnitName } from '@fleet/model';
import { FleetError } from '@fleet/runtime';
import { RequirementsSource } from './requirements-source.ts';

const unit = (hash: string, global = false) => ({ name: 'web@1.service' as UnitName, hash: hash as UnitHash, global });

function setUp(texts: Record<string, string>) {
  const reads: string[] = [];
  const source = new RequirementsSource({
    readText: (hash) => {
      reads.push(hash);
      const text = texts[hash];
      if (text === 'away') return Promise.reject(new FleetError('away', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' }));
      return text === undefined ? Promise.reject(new FleetError('no text', { code: 'UNIT_TEXT_MISSING', kind: 'not-found' })) : Promise.resolve(text);
    },
  });
  return { source, reads, texts, signal: new AbortController().signal };
}

describe('RequirementsSource', () => {
  it('reads each text of a unit once, with specifiers filled in', async () => {
    const { source, reads, signal } = setUp({ one: '[X-Fleet]\nMachineOf=db@%i.service\n', two: '[X-Fleet]\nConflicts=a\n' });
    expect(source.peek(unit('one'))).toBeUndefined();
    expect(await source.resolve(unit('one'), signal)).toMatchObject({ ok: true, requirements: { machineOf: ['db@1.service'], global: false } });
    await source.resolve(unit('one'), signal);
    expect(source.peek(unit('one'))).toMatchObject({ machineOf: ['db@1.service'] });
    expect(await source.resolve(unit('two'), signal)).toMatchObject({ ok: true, requirements: { conflicts: ['a'] } });
    expect(reads).toEqual(['one', 'two']);
    source.forget('web@1.service' as UnitName);
    expect(source.peek(unit('two'))).toBeUndefined();
  });

  it('takes from the record whether a unit is global', async () => {
    const { source, signal } = setUp({ one: '[X-Fleet]\nGlobal=%i\n' });
    expect(await source.resolve(unit('one', false), signal)).toMatchObject({ requirements: { global: false } });
    expect(await source.resolve(unit('one', true), signal)).toMatchObject({ requirements: { global: true } });
  });

  it.each([
    { title: 'missing', texts: {}, problem: 'its text one is missing from the registry' },
    { title: 'unreadable', texts: { one: '[X-Fleet\n' }, problem: expect.stringMatching(/^its text one cannot be read: /) },
  ])('tells of a text that is $title, and asks again the next time', async ({ texts, problem }) => {
    const { source, reads, texts: live, signal } = setUp(texts);
    expect(await source.resolve(unit('one'), signal)).toEqual({ ok: false, problem });
    live.one = '[X-Fleet]\n';
    expect(await source.resolve(unit('one'), signal)).toMatchObject({ ok: true });
    expect(reads).toHaveLength(2);
  });

  it('passes on that the store is away', async () => {
    const { source, signal } = setUp({ one: 'away' });
    await expect(source.resolve(unit('one'), signal)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
