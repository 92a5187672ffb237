import { createApiServer } from '@fleet/api-server';
import { createRegistry } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { silentLogger, systemClock } from '@fleet/runtime';

// A registry in memory; a daemon would use a durable store or etcd.
await using store = createMemoryStore();
const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });

await using server = createApiServer({
  registry,
  version: 'v1.0.0',
  clock: systemClock,
  logger: silentLogger,
  availability: { available: () => true },
});
const [listener] = await server.listen([{ kind: 'tcp', host: '127.0.0.1', port: 0 }]);
if (listener === undefined || typeof listener.address === 'string') throw new Error('not listening');
const base = `http://127.0.0.1:${listener.address.port}`;

const put = await fetch(`${base}/fleet/v1/units/hello.service`, {
  method: 'PUT',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ desiredState: 'launched', options: [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 60' }] }),
});
console.log(put.status, put.headers.get('fleet-revision') !== null);

const units = await fetch(`${base}/fleet/v1/units`);
console.log(await units.text());
