import { describeOnEtcd } from '../testing/describe-on-etcd.ts';
import { describeStoreContract } from '../testing/store-contract.ts';
import { createEtcdStore } from './index.ts';

describeOnEtcd('with a real etcd', (etcd) => {
  let round = 0;

  describeStoreContract('etcd', async () => {
    const store = createEtcdStore({ endpoints: etcd().endpoints });
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
