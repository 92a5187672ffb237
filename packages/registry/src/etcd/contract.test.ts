import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeStoreContract } from '../testing/store-contract.ts';
import { etcdIsUsable, startTestEtcd, type TestEtcd } from '../testing/test-etcd.ts';
import { createEtcdStore } from './index.ts';

const describeEtcd = etcdIsUsable() ? describe : describe.skip;

describeEtcd('with a real etcd (skipped where none is installed)', () => {
  let etcd: TestEtcd | undefined;
  let round = 0;
  beforeAll(async () => {
    etcd = await startTestEtcd();
  });
  afterAll(() => etcd?.stop());

  describeStoreContract('etcd', async () => {
    const store = createEtcdStore({ endpoints: etcd?.endpoints ?? [] });
    round += 1;
    return {
      store,
      prefix: `/test/${round}/`,
      compact: (revision) => store.compact(revision),
      passTime: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      shortTtlMs: 1_000,
      dispose: () => store[Symbol.asyncDispose](),
    };
  });
});
