import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Store } from '@fleet/registry';
import { FleetError, type Clock, type Logger } from '@fleet/runtime';
import type { UnitManager } from '@fleet/systemd';
import type { EtcdSettings, FleetdConfig } from './config/normalise.ts';

// Adapters are loaded on demand: etcd3 and dbus-next cost memory and time that a fleetd without them need not pay.

/** Opens the store that the configuration names. Does not wait for it to answer. */
export async function openStore(config: FleetdConfig, clock: Clock): Promise<Store> {
  const { registry } = config;
  switch (registry.kind) {
    case 'etcd':
      return await openEtcd(registry);
    case 'embedded': {
      const { createEmbeddedStore } = await import('@fleet/registry/embedded');
      makeDirectory(dirname(registry.path), 'registry_path', 0o700);
      return createEmbeddedStore({ path: registry.path, clock });
    }
    default:
      return registry satisfies never;
  }
}

async function openEtcd(settings: EtcdSettings): Promise<Store> {
  const { createEtcdStore } = await import('@fleet/registry/etcd');
  const read = (file: string): Buffer | undefined => (file === '' ? undefined : readFileSync(file));
  return createEtcdStore({
    endpoints: settings.endpoints,
    requestTimeoutMs: settings.requestTimeoutMs,
    ...(settings.username === '' ? {} : { username: settings.username, password: settings.password }),
    tls: { ca: read(settings.caFile), cert: read(settings.certFile), key: read(settings.keyFile) },
  });
}

/** Opens the unit manager that the configuration names. */
export async function openUnitManager(config: FleetdConfig, machineId: string, clock: Clock, logger: Logger): Promise<UnitManager> {
  const { systemd, unitsDirectory } = config;
  makeDirectory(unitsDirectory, 'units_directory', 0o755);
  switch (systemd.kind) {
    case 'dbus': {
      const { createDbusUnitManager } = await import('@fleet/systemd/dbus');
      return await createDbusUnitManager({ unitsDirectory, bus: systemd.user ? 'user' : 'system', clock, logger });
    }
    case 'process': {
      const { createProcessUnitManager } = await import('@fleet/systemd/process');
      makeDirectory(systemd.directory, 'process_directory', 0o755);
      // Units outlive fleetd, as they do with systemd.
      return await createProcessUnitManager({ unitsDirectory, stateDirectory: systemd.directory, clock, logger, machineId, lifetime: 'machine' });
    }
    default:
      return systemd satisfies never;
  }
}

/** @throws FleetError `DIRECTORY_UNUSABLE` naming the option. */
export function makeDirectory(directory: string, option: string, mode: number): void {
  try {
    makeWithParents(directory, mode);
  } catch (cause) {
    throw new FleetError(`cannot make the directory ${directory}`, { code: 'DIRECTORY_UNUSABLE', kind: 'invalid', cause, remedy: `make it by hand, or set ${option} in fleet.conf` });
  }
}

/** By hand, because Node's recursive mkdir never ends where the kernel answers ENOENT below a directory that exists, as in /proc. */
function makeWithParents(directory: string, mode: number): void {
  if (existsSync(directory)) return;
  const parent = dirname(directory);
  if (parent !== directory) makeWithParents(parent, 0o755);
  try {
    mkdirSync(directory, { mode });
  } catch (error) {
    // Someone else may have been quicker.
    if (!existsSync(directory)) throw error;
  }
}
