import { afterAll, beforeAll, describe } from '@jest/globals';
import { etcdIsUsable, startTestEtcd, type TestEtcd } from './test-etcd.ts';

/**
 * A suite on one real etcd, which is there from its first `beforeAll` to its last `afterAll`. Without etcd the suite is skipped and says
 * so, unless `FLEET_TEST_REQUIRE_REAL=1` demands it.
 *
 * @example describeOnEtcd('my store', (etcd) => { it('answers', async () => { … etcd().endpoints … }); });
 */
export function describeOnEtcd(name: string, suite: (etcd: () => TestEtcd) => void): void {
  const usable = etcdIsUsable();
  (usable ? describe : describe.skip)(usable ? name : `${name} (skipped: etcd is not installed)`, () => {
    let etcd: TestEtcd;
    beforeAll(async () => {
      etcd = await startTestEtcd();
    });
    suite(() => etcd);
    afterAll(() => etcd.stop());
  });
}
