import { describe, expect, it } from '@jest/globals';
import { createMemoryStore } from '@fleet/registry/embedded';
import { Gate, gateStore } from './gate.ts';

describe('a store behind a gate', () => {
  it('lets everything through while open', async () => {
    await using store = createMemoryStore();
    const gated = gateStore(store, new Gate());
    const { succeeded } = await gated.transaction({ compare: [], operations: [{ kind: 'put', key: 'a', value: '1' }] });
    expect(succeeded).toBe(true);
    expect((await gated.get('a')).item?.value).toBe('1');
  });

  it('runs calls into their deadline while paused, and lets them through once open again', async () => {
    await using store = createMemoryStore();
    const gate = new Gate(5);
    const gated = gateStore(store, gate);
    gate.pause();
    await expect(gated.get('a')).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    gate.open();
    await expect(gated.get('a')).resolves.toMatchObject({ item: null });
  });

  it('holds the events of a watch back while paused, and loses none', async () => {
    await using store = createMemoryStore();
    const gate = new Gate();
    const ending = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const batch of gateStore(store, gate).watch({ prefix: 'k', fromRevision: 1 }, { signal: ending.signal })) {
        for (const change of batch.changes) seen.push(change.kind === 'put' ? change.item.value : 'deleted');
        if (seen.length === 2) return;
      }
    })();
    gate.pause();
    for (const value of ['1', '2']) await store.transaction({ compare: [], operations: [{ kind: 'put', key: 'k', value }] });
    expect(seen).toEqual([]);
    gate.open();
    await watching;
    expect(seen).toEqual(['1', '2']);
    ending.abort();
  });

  it('refuses everything for good once closed, waiting calls and watches included', async () => {
    await using store = createMemoryStore();
    const gate = new Gate();
    const gated = gateStore(store, gate);
    const watching = (async () => {
      for await (const batch of gated.watch({ prefix: '', fromRevision: 1 }, { signal: new AbortController().signal })) expect(batch.revision).toBeGreaterThan(0);
    })();
    gate.pause();
    const waiting = gated.get('a');
    gate.close();
    await expect(waiting).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(watching).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    gate.open();
    await expect(gated.get('a')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('passes the reason of an abort through', async () => {
    await using store = createMemoryStore();
    const gate = new Gate();
    gate.pause();
    const ending = new AbortController();
    const waiting = gateStore(store, gate).get('a', { signal: ending.signal });
    const reason = new Error('enough');
    ending.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});
