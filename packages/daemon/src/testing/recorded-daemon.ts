import { createVolatileMemory } from '@fleet/agent';
import { createUnreachableStore, type ServeCaseOptions, type ServedCase } from '@fleet/api-server/testing';
import type { MachineId } from '@fleet/model';
import { createKeys, type Keys, type Store } from '@fleet/registry';
import { shutdownReason, silentLogger, systemClock } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { createMemorySystemd } from '@fleet/systemd/memory';
import { createDaemon } from '../create-daemon.ts';
import { DEFAULT_DAEMON_CONFIG } from '../daemon-options.ts';

const OWN = 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee' as MachineId;

/**
 * Answers a recorded exchange from a whole daemon with a listener, a heartbeat and an agent of its own. It runs no engine, so
 * that the cluster stays as the case has it, and its machine is in no listing, as the recorded clusters know nothing of it.
 */
export async function serveFromDaemon({ given, store, prefix }: ServeCaseOptions): Promise<ServedCase> {
  const outage = { on: !given.available };
  const systemd = createMemorySystemd({ clock: systemClock });
  const daemon = createDaemon(
    {
      ...DEFAULT_DAEMON_CONFIG,
      version: 'v1.0.0',
      machine: OWN,
      bootId: 'boot',
      disableEngine: true,
      tokenLimit: given.tokenLimit,
      keyPrefix: prefix,
      drainDeadlineMs: 1000,
      listeners: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }],
    },
    {
      store: interruptible(hideMachine(store, createKeys(prefix), OWN), outage),
      manager: systemd.control.openManager(),
      memory: createVolatileMemory(),
      clock: systemClock,
      logger: silentLogger,
      api: { closeTimeoutMs: 1000 },
    },
  );
  const [listener] = await daemon.listen();
  if (listener === undefined || typeof listener.address === 'string') throw new Error('the daemon does not listen');
  const ending = new AbortController();
  const done = daemon.run(ending.signal);
  if (given.available) await waitUntil('the daemon to have joined', () => daemon.status().available);
  if (given.registryDown) outage.on = true;
  return {
    address: listener.address,
    [Symbol.asyncDispose]: async () => {
      outage.on = false;
      ending.abort(shutdownReason);
      await done;
    },
  };
}

/** While `outage` is on, no call reaches the store; watches that run go on. */
function interruptible(store: Store, outage: { readonly on: boolean }): Store {
  const away = createUnreachableStore();
  const now = (): Store => (outage.on ? away : store);
  return {
    get: (key, options) => now().get(key, options),
    range: (request, options) => now().range(request, options),
    transaction: (transaction, options) => now().transaction(transaction, options),
    watch: (request, options) => now().watch(request, options),
    grantLease: (ttlMs, options) => now().grantLease(ttlMs, options),
    keepAlive: (lease, options) => now().keepAlive(lease, options),
    readLease: (lease, options) => now().readLease(lease, options),
    revokeLease: (lease, options) => now().revokeLease(lease, options),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Keeps what one machine says of itself where no listing looks. */
function hideMachine(store: Store, keys: Keys, machine: MachineId): Store {
  const states = `${keys.folder('state')}${machine}/`;
  const place = (key: string): string => (key === keys.machine(machine) || key.startsWith(states) ? `/hidden${key}` : key);
  return {
    get: async (key, options) => {
      const { item, revision } = await store.get(place(key), options);
      return { item: item === null ? null : { ...item, key }, revision };
    },
    range: (request, options) => store.range(request, options),
    watch: (request, options) => store.watch(request, options),
    grantLease: (ttlMs, options) => store.grantLease(ttlMs, options),
    keepAlive: (lease, options) => store.keepAlive(lease, options),
    readLease: (lease, options) => store.readLease(lease, options),
    revokeLease: (lease, options) => store.revokeLease(lease, options),
    transaction: ({ compare, operations }, options) =>
      store.transaction(
        {
          compare: compare.map((condition) => ({ ...condition, key: place(condition.key) })),
          operations: operations.map((operation) => (operation.kind === 'delete-prefix' ? { ...operation, prefix: place(operation.prefix) } : { ...operation, key: place(operation.key) })),
        },
        options,
      ),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
