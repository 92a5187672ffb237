import { createEngine } from '@fleet/engine';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { createRegistry } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { shutdownReason, silentLogger, systemClock } from '@fleet/runtime';
import { hashText } from '@fleet/unit-parser';

// One machine is present, a user submits a unit, and the engine places it.
await using store = createMemoryStore();
const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
const machine = 'machine-1' as MachineId;
const lease = await registry.grantLease(30_000);
await registry.registerMachine({ id: machine, bootId: 'boot', sessionId: 'session', address: '', metadata: {}, version: '1.0.0', capabilities: {} }, lease.id);
const text = '[Service]\nExecStart=/bin/sleep infinity\n';
await registry.changeUnit({ kind: 'create', name: 'hello.service' as UnitName, text, hash: hashText(text) as UnitHash, global: false, targetState: 'launched' });

const ending = new AbortController();
const engine = createEngine({
  registry,
  machine,
  sessionId: 'engine-session',
  clock: systemClock,
  logger: silentLogger,
  agentTtlMs: 30_000,
  observer: {
    onTask: (type, outcome) => {
      console.log(type, outcome);
      ending.abort(shutdownReason);
    },
  },
});
await engine.run(ending.signal).catch((error: unknown) => {
  if (error !== shutdownReason) throw error;
});
console.log((await registry.readUnit('hello.service'))?.placement?.machine);
