import { describe, expect, it } from '@jest/globals';
import type { UnitHash } from '@fleet/model';
import { UnitTexts } from './texts.ts';

const hash = (name: string): UnitHash => name as UnitHash;

describe('UnitTexts', () => {
  it('reads a text once, however many ask', async () => {
    const reads: string[] = [];
    const texts = new UnitTexts({
      readText: (name) => {
        reads.push(name);
        return Promise.resolve('[Unit]\nDescription=a <b>\n\n[Service]\nExecStart=\n');
      },
    });
    const [first] = await Promise.all([texts.get(hash('a')), texts.get(hash('a'))]);
    await texts.get(hash('a'));
    expect(reads).toEqual(['a']);
    expect(first).toEqual({
      description: 'a <b>',
      optionsJson: String.raw`[{"name":"Description","section":"Unit","value":"a \u003cb\u003e"},{"name":"ExecStart","section":"Service"}]`,
    });
  });

  it('forgets what was used longest ago when there is no room', async () => {
    const reads: string[] = [];
    const texts = new UnitTexts({
      maxSize: 1_000,
      readText: (name) => {
        reads.push(name);
        return Promise.resolve(`[Unit]\nDescription=${'x'.repeat(100)}\n`);
      },
    });
    await texts.get(hash('a'));
    await texts.get(hash('b'));
    await texts.get(hash('a'));
    await texts.get(hash('c'));
    expect(texts.peek(hash('b'))).toBeUndefined();
    expect(texts.peek(hash('a'))).toBeDefined();
    expect(texts.size).toBeLessThanOrEqual(1_000);
  });

  it('keeps to its number of reads at a time, and a failed read is tried again', async () => {
    let active = 0;
    let most = 0;
    let fail = true;
    const texts = new UnitTexts({
      concurrency: 4,
      readText: async () => {
        active += 1;
        most = Math.max(most, active);
        await new Promise((resolve) => setImmediate(resolve));
        active -= 1;
        if (fail) throw new Error('down');
        return '[Unit]\nDescription=a\n';
      },
    });
    const names = Array.from({ length: 20 }, (_, index) => hash(String(index)));
    const first = await Promise.allSettled(names.map((name) => texts.get(name)));
    expect(first.every(({ status }) => status === 'rejected')).toBe(true);
    fail = false;
    await Promise.all(names.map((name) => texts.get(name)));
    expect(most).toBeLessThanOrEqual(4);
  });
});
