import { expectSuccess } from '../src/machines/command.ts';
import type { RealCluster } from '../src/real/real-cluster.ts';

/** What etcd counted since it was started. */
export interface EtcdCounters {
  readonly puts: number;
  readonly deletes: number;
  readonly ranges: number;
  readonly keepalives: number;
}

async function inWorld<T>(cluster: RealCluster, script: string): Promise<T> {
  const out = await expectSuccess('ask etcd', cluster.world.run([process.execPath, '--input-type=module', '-e', script], { timeoutMs: 60_000 }));
  return JSON.parse(out) as T;
}

export async function readCounters(cluster: RealCluster): Promise<EtcdCounters> {
  const text = await inWorld<string>(cluster, `console.log(JSON.stringify(await (await fetch('${cluster.etcd.endpoints[0] ?? ''}/metrics')).text()))`);
  const sum = (pattern: RegExp): number =>
    text
      .split('\n')
      .filter((line) => pattern.test(line))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  return {
    puts: sum(/^etcd_(debugging_)?mvcc_put_total /),
    deletes: sum(/^etcd_(debugging_)?mvcc_delete_total /),
    ranges: sum(/^etcd_(debugging_)?mvcc_range_total /),
    keepalives: sum(/^grpc_server_msg_received_total\{.*grpc_method="LeaseKeepAlive"/),
  };
}

const post = (url: string): string => `
const base = '${url}';
const encode = (text) => Buffer.from(text).toString('base64');
const post = async (path, body) => {
  const answer = await fetch(base + path, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(path + ': ' + answer.status + ' ' + await answer.text());
  return await answer.json();
};
`;

/** Milliseconds of one acknowledged put, median of some, over etcd's JSON gateway on a connection that stays open. */
export async function putMs(cluster: RealCluster): Promise<number> {
  return await inWorld(
    cluster,
    `${post(cluster.etcd.endpoints[0] ?? '')}
const times = [];
for (let n = 0; n < 200; n += 1) {
  const begin = performance.now();
  await post('/v3/kv/put', { key: encode('fleet-harness/bench'), value: encode(String(n)) });
  times.push(performance.now() - begin);
}
console.log(times.sort((a, b) => a - b)[100]);`,
  );
}

/** Milliseconds from the grant of a lease to the disappearance of its key, when nobody keeps it alive. */
export async function leaseEndMs(cluster: RealCluster, ttlSeconds: number): Promise<number> {
  return await inWorld(
    cluster,
    `${post(cluster.etcd.endpoints[0] ?? '')}
const begin = performance.now();
const { ID } = await post('/v3/lease/grant', { TTL: ${ttlSeconds} });
const key = encode('fleet-harness/lease');
await post('/v3/kv/put', { key, value: key, lease: ID });
while ((await post('/v3/kv/range', { key })).kvs !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
console.log(performance.now() - begin);`,
  );
}
