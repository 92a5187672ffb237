import { createAgent, createVolatileMemory } from '@fleet/agent';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { createRegistry } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { shutdownReason, silentLogger, systemClock } from '@fleet/runtime';
import { createMemorySystemd } from '@fleet/systemd/memory';
import { hashText } from '@fleet/unit-parser';

// A global unit is in the registry: the agent of each machine runs it. Here systemd is a state machine in memory.
await using store = createMemoryStore();
await using systemd = createMemorySystemd({ clock: systemClock });
const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
const text = '[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nGlobal=true\n';
await registry.changeUnit({ kind: 'create', name: 'everywhere.service' as UnitName, text, hash: hashText(text) as UnitHash, global: true, targetState: 'launched' });

const ending = new AbortController();
const agent = createAgent({
  registry,
  manager: systemd,
  memory: createVolatileMemory(), // openRuntimeMemory('/run/fleet', bootId) to survive a restart
  machine: 'machine-1' as MachineId,
  describe: () => ({ bootId: 'boot', address: '10.0.0.1', metadata: { region: 'eu' }, version: '1.0.0', capabilities: {} }),
  ttlMs: 30_000,
  clock: systemClock,
  logger: silentLogger,
  shutdown: () => 'purge',
  observer: {
    onTask: (kind, outcome) => {
      console.log(kind, outcome);
      if (kind === 'start') {
        console.log('running:', systemd.control.running().join(' '));
        ending.abort(shutdownReason);
      }
    },
  },
});
await agent.run(ending.signal);
console.log('after the purge:', systemd.control.running().length);
