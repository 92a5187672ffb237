import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry } from '@fleet/registry';
import { createEmbeddedStore } from '@fleet/registry/embedded';
import { silentLogger, systemClock } from '@fleet/runtime';
import type { UnitHash, UnitName } from '@fleet/model';

// Submits a unit to a registry in a file, and follows it in a live copy. With etcd, only the store differs:
// createEtcdStore({ endpoints: ['http://127.0.0.1:2379'] }) from '@fleet/registry/etcd'.
const directory = mkdtempSync(join(tmpdir(), 'fleet-example-'));
const stop = new AbortController();
{
  await using store = createEmbeddedStore({ path: join(directory, 'registry.db') });
  const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });

  const mirror = await registry.openMirror({ kind: 'cluster' }, { signal: stop.signal });
  mirror.subscribe(({ revision, changes }) => {
    for (const { kind, id, after } of changes) console.log(`revision ${revision}: ${kind}/${id} ${after === undefined ? 'is gone' : 'is there'}`);
  });

  const name = 'hello.service' as UnitName;
  const hash = '0a4d55a8d778e5022fab701977c5d840bbc486d0' as UnitHash;
  await registry.changeUnit({ kind: 'create', name, text: '[Service]\nExecStart=/bin/echo hello\n', hash, global: false, targetState: 'launched' });
  const { revision } = await registry.changeUnit({ kind: 'destroy', name });
  await mirror.waitForRevision(revision, { signal: AbortSignal.timeout(5_000) });
  stop.abort();
}
rmSync(directory, { recursive: true });
