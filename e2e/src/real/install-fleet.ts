import { builtFleetctl, builtFleetd } from '../built.ts';
import type { RealMachine } from '../machines/machine.ts';

export interface FleetInstallation {
  readonly agentTtlMs: number;
  readonly etcdServers: readonly string[];
  /** Further lines of fleet.conf. */
  readonly config: readonly string[];
}

/** Puts the built fleetd and fleetctl on a machine: configuration, systemd units, and `fleetctl` in PATH. */
export function installFleet(machine: RealMachine, installation: FleetInstallation): void {
  writeConfig(machine, installation);
  // Without restarts and without a socket unit, which would start it at the next connection: scenarios decide when a daemon comes back.
  machine.writeFile(
    '/etc/systemd/system/fleet.service',
    `[Unit]
Description=fleet daemon
Wants=network-online.target
After=network-online.target dbus.service

[Service]
ExecStart="${process.execPath}" "${builtFleetd()}"
Restart=no
TimeoutStopSec=60
`,
  );
  machine.writeFile('/etc/systemd/system/fleet-machine.target.d/fleet.conf', '[Unit]\nWants=fleet.service\n');
  machine.writeFile('/usr/local/bin/fleetctl', `#!/bin/sh\nexec "${process.execPath}" "${builtFleetctl()}" "$@"\n`, 0o755);
}

/** Writes /etc/fleet/fleet.conf; a running daemon sees it when it is told to reload or started again. */
function writeConfig(machine: RealMachine, { agentTtlMs, etcdServers, config }: FleetInstallation): void {
  const lines = [`agent_ttl=${agentTtlMs / 1000}s`, `etcd_servers=${etcdServers.join(',')}`, ...config];
  machine.writeFile('/etc/fleet/fleet.conf', `${lines.join('\n')}\n`);
}
