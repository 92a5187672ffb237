import { waitUntil } from '@fleet/runtime/testing';
import type { RealClusterMachine } from './real-cluster-machine.ts';
import type { RealCluster } from './real-cluster.ts';

const service = 'fleet.service';

/** A property of the machine's fleet.service, as systemd shows it. */
export async function serviceProperty(machine: RealClusterMachine, property: string): Promise<string> {
  return (await machine.real.output(['systemctl', 'show', '--value', `--property=${property}`, service])).trim();
}

/** Sends a signal to the machine's daemon. */
export async function signalDaemon(machine: RealClusterMachine, signal: string): Promise<void> {
  await machine.real.output(['systemctl', 'kill', `--signal=${signal}`, '--kill-who=main', service]);
}

/** Adds lines to the machine's fleet.conf; the last assignment of an option counts. */
export function appendConfig(machine: RealClusterMachine, ...lines: readonly string[]): void {
  machine.real.writeFile('/etc/fleet/fleet.conf', `${machine.real.readFile('/etc/fleet/fleet.conf')}${lines.join('\n')}\n`);
}

/** Adds lines to the machine's fleet.conf and waits until its daemon has taken them over. */
export async function reconfigure(machine: RealClusterMachine, ...lines: readonly string[]): Promise<void> {
  appendConfig(machine, ...lines);
  const reloads = async (): Promise<number> => (await machine.daemonLog()).split('configuration reloaded').length;
  const before = await reloads();
  await signalDaemon(machine, 'HUP');
  await waitUntil('fleetd to take the configuration over', async () => (await reloads()) > before, { deadlineMs: 10_000 });
}

/** Pauses the store until the machine's daemon has had no answer for so long that its lease is over. */
export async function pauseStoreUntilLeaseEnds(cluster: RealCluster, machine: RealClusterMachine): Promise<void> {
  const ends = async (): Promise<number> => (await machine.daemonLog()).split('Monitor timed out before successful heartbeat').length;
  const before = await ends();
  await cluster.pauseStore();
  await waitUntil('the lease of the machine to end', async () => (await ends()) > before, { deadlineMs: cluster.agentTtlMs + 15_000, everyMs: 100 });
}

/** Refuses the machine's connections to etcd, also those that stand; everything else still works. */
export async function refuseStore({ etcd }: RealCluster, machine: RealClusterMachine, refused: boolean): Promise<void> {
  for (const endpoint of etcd.endpoints) {
    await machine.real.output(['ip', 'route', refused ? 'add' : 'del', 'prohibit', `${new URL(endpoint).hostname}/32`]);
  }
}

/** The machine whose engine leads, by what the registry says. */
export async function leader(cluster: RealCluster): Promise<RealClusterMachine> {
  return await waitUntil(
    'an engine to lead',
    async () => {
      const value = await cluster.etcd.ctl(['get', '--print-value-only', '/_coreos.com/fleet/engine/leader']);
      return value === '' ? undefined : cluster.machines.find(({ id }) => id === (JSON.parse(value) as { readonly machine?: string }).machine);
    },
    { deadlineMs: 15_000, everyMs: 20 },
  );
}

/** What the machine's daemon publishes of a unit, by the API; undefined while it publishes nothing. */
export async function publishedState(machine: RealClusterMachine, unit: string): Promise<{ readonly active: string; readonly reason?: string } | undefined> {
  const { status, body } = await machine.request({ method: 'GET', path: `/fleet/v2/states?name=${encodeURIComponent(unit)}` });
  if (status !== 200) return undefined;
  const { states } = JSON.parse(body) as { readonly states: readonly { readonly machineID: string; readonly active: string; readonly reason?: string }[] };
  return states.find(({ machineID }) => machineID === machine.id);
}
