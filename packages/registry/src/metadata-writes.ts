import { FleetError } from '@fleet/runtime';
import type { Metadata } from '@fleet/model';
import { decodeMetadata, encodeMetadata } from './codecs.ts';
import type { Keys } from './keys.ts';
import type { MetadataChange } from './registry-types.ts';
import { MAX_OPERATIONS, type CallOptions, type KeyValue, type Store } from './store.ts';
import { tooManyChanges } from './unit-writes.ts';

const MAX_ATTEMPTS = 10;

/**
 * Lays the changes over the machines' documents, all in one transaction. An empty value stays as a tombstone, because it
 * hides a static value of the same key.
 *
 * @throws FleetError `TOO_MANY_CHANGES` (invalid) over 128 machines, `METADATA_CHANGED` (conflict) when others keep writing.
 */
export async function changeMetadata(store: Store, keys: Keys, changes: readonly MetadataChange[], options?: CallOptions): Promise<{ readonly revision: number }> {
  const byMachine = new Map<string, MetadataChange[]>();
  for (const change of changes) {
    const group = byMachine.get(change.machine);
    if (group === undefined) byMachine.set(change.machine, [change]);
    else group.push(change);
  }
  if (byMachine.size > MAX_OPERATIONS) throw tooManyChanges(`metadata of ${byMachine.size} machines in one request; at most ${MAX_OPERATIONS} are allowed`);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const documents = await Promise.all([...byMachine].map(([machine, wanted]) => prepare(store, keys.metadata(machine), machine, wanted, options)));
    const changed = documents.filter((document) => document.value !== document.before?.value);
    if (changed.length === 0) return { revision: Math.max(0, ...documents.map((document) => document.before?.modRevision ?? 0)) };
    const { succeeded, revision } = await store.transaction(
      {
        compare: documents.map(({ key, before }) => ({ kind: 'mod-revision', key, equals: before?.modRevision ?? 0 })),
        operations: changed.map(({ key, value }) => ({ kind: 'put', key, value })),
      },
      options,
    );
    if (succeeded) return { revision };
  }
  throw new FleetError(`metadata of ${[...byMachine.keys()].join(', ')} keeps being changed by others`, { code: 'METADATA_CHANGED', kind: 'conflict', remedy: 'try again' });
}

interface Document {
  readonly key: string;
  readonly before: KeyValue | null;
  readonly value: string;
}

async function prepare(store: Store, key: string, machine: string, changes: readonly MetadataChange[], options: CallOptions | undefined): Promise<Document> {
  const { item: before } = await store.get(key, options);
  const values = new Map(Object.entries(before === null ? {} : decodeMetadata(before, machine).values));
  for (const change of changes) values.set(change.key, change.value);
  // fromEntries defines plain own members, whatever their names.
  const after: Metadata = Object.fromEntries(values);
  return { key, before, value: encodeMetadata(after) };
}
