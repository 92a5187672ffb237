import { createEtcdStore } from './index.ts';

// A program for the tests: uses a store in every way, closes it, and must then end by itself. `node close-program.ts ENDPOINT`

const [, , endpoint = ''] = process.argv;
const store = createEtcdStore({ endpoints: [endpoint] });
const { id } = await store.grantLease(60_000);
await store.keepAlive(id);
const { revision } = await store.transaction({ compare: [], operations: [{ kind: 'put', key: '/close', value: '', lease: id }] });
const watch = store.watch({ prefix: '/', fromRevision: revision }, { signal: new AbortController().signal })[Symbol.asyncIterator]();
await watch.next();
const ended = watch.next().then(
  () => 'an event',
  (error: unknown) => (error as { code: string }).code,
);
await store[Symbol.asyncDispose]();
process.stdout.write(`watch ended with ${await ended}\n`);
