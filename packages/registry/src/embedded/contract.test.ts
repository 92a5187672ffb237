import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@fleet/runtime/testing';
import { describeStoreContract } from '../testing/store-contract.ts';
import { createEmbeddedStore, createMemoryStore } from './index.ts';

describeStoreContract('memory', async () => {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  return {
    store,
    prefix: '/test/',
    compact: (revision) => store.compact(revision),
    passTime: (ms) => clock.advance(ms),
    shortTtlMs: 1_000,
    dispose: () => store[Symbol.asyncDispose](),
  };
});

describeStoreContract('embedded file', async () => {
  const clock = new FakeClock();
  const directory = await mkdtemp(join(tmpdir(), 'fleet-store-'));
  const store = createEmbeddedStore({ path: join(directory, 'registry.db'), clock });
  return {
    store,
    prefix: '/test/',
    compact: (revision) => store.compact(revision),
    passTime: (ms) => clock.advance(ms),
    shortTtlMs: 1_000,
    dispose: async () => {
      await store[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
});
