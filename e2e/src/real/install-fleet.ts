import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FleetError } from '@fleet/runtime';
import type { RealMachine } from '../machines/machine.ts';

/** The working tree; shown to every machine at the same path. */
export const repository = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

const fleetd = `${repository}/apps/fleetd/dist/main.js`;
const fleetctl = `${repository}/apps/fleetctl/dist/main.js`;

export interface FleetInstallation {
  readonly agentTtlMs: number;
  readonly etcdServers: readonly string[];
  /** Further lines of fleet.conf. */
  readonly config: readonly string[];
}

/** Puts the built fleetd and fleetctl on a machine: configuration, systemd units, and `fleetctl` in PATH. */
export function installFleet(machine: RealMachine, installation: FleetInstallation): void {
  for (const file of [fleetd, fleetctl])
    if (!existsSync(file)) throw new FleetError(`${file} is missing: run "npm run build" first`, { code: 'NOT_BUILT', kind: 'unavailable' });
  writeConfig(machine, installation);
  // Without restarts and without a socket unit, which would start it at the next connection: scenarios decide when a daemon comes back.
  machine.writeFile(
    '/etc/systemd/system/fleet.service',
    `[Unit]
Description=fleet daemon
Wants=network-online.target
After=network-online.target dbus.service

[Service]
ExecStart=${process.execPath} ${fleetd}
Restart=no
TimeoutStopSec=60
`,
  );
  machine.writeFile('/etc/systemd/system/fleet-machine.target.d/fleet.conf', '[Unit]\nWants=fleet.service\n');
  machine.writeFile('/usr/local/bin/fleetctl', `#!/bin/sh\nexec ${process.execPath} ${fleetctl} "$@"\n`, 0o755);
}

/** Writes /etc/fleet/fleet.conf; a running daemon sees it when it is told to reload or started again. */
export function writeConfig(machine: RealMachine, { agentTtlMs, etcdServers, config }: FleetInstallation): void {
  const lines = [`agent_ttl=${agentTtlMs / 1000}s`, `etcd_servers=${etcdServers.join(',')}`, ...config];
  machine.writeFile('/etc/fleet/fleet.conf', `${lines.join('\n')}\n`);
}
