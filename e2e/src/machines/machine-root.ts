import { FleetError } from '@fleet/runtime';
import { expectSuccess } from './command.ts';
import type { World } from './world.ts';

export interface MachineIdentity {
  /** Host name; at most 12 characters, because the network device of the machine is named after it. */
  readonly name: string;
  /** 32 hexadecimal digits, as /etc/machine-id wants them. */
  readonly id: string;
  readonly address: string;
}

/** The target that machines boot into: a bus, a journal and an address; none of the host's own services. */
export const bootTarget = 'fleet-machine.target';

// Wanted by systemd's own targets rather than by the administrator, so emptying /etc/systemd/system does not drop them.
// They would change the kernel's settings, the clock or accounts, or only cost time.
const maskedUnits = [
  'getty.target',
  'console-getty.service',
  'dev-hugepages.mount',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'systemd-binfmt.service',
  'systemd-firstboot.service',
  'systemd-journal-flush.service',
  'systemd-logind.service',
  'systemd-machine-id-commit.service',
  'systemd-modules-load.service',
  'systemd-networkd.service',
  'systemd-random-seed.service',
  'systemd-resolved.service',
  'systemd-sysctl.service',
  'systemd-sysusers.service',
  'systemd-tmpfiles-clean.service',
  'systemd-tmpfiles-clean.timer',
  'systemd-tmpfiles-setup-dev.service',
  'systemd-tmpfiles-setup.service',
  'systemd-udevd.service',
  'systemd-udev-trigger.service',
  'systemd-udevd-control.socket',
  'systemd-udevd-kernel.socket',
  'systemd-update-utmp.service',
];

// The overlay is checked to be one before anything is removed below it.
const prepare = `set -eu
base=$1 name=$2 id=$3 address=$4 gateway=$5 target=$6
mkdir -p "$base/upper" "$base/work" "$base/root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" fleet-machine "$base/root"
[ "$(stat -f -c %T "$base/root")" = overlayfs ]
cd "$base/root"
rm -rf etc/systemd/system etc/fleet run/fleet var/lib/fleet var/log/journal etc/systemd/journald.conf.d
mkdir -p etc/systemd/system etc/systemd/journald.conf.d var/log/journal
echo "$id" > etc/machine-id
echo "$name" > etc/hostname
printf '127.0.0.1 localhost\\n%s %s\\n' "$address" "$name" > etc/hosts
printf '[Journal]\\nStorage=persistent\\nSystemMaxUse=64M\\nRateLimitIntervalSec=0\\nForwardToConsole=no\\n' > etc/systemd/journald.conf.d/fleet.conf
shift 6
for unit in "$@"; do ln -s /dev/null "etc/systemd/system/$unit"; done
cat > "etc/systemd/system/$target" <<END
[Unit]
Description=A machine of a fleet test cluster
Requires=basic.target fleet-address.service dbus.service
After=basic.target fleet-address.service dbus.service
AllowIsolate=yes
END
cat > etc/systemd/system/fleet-address.service <<END
[Unit]
Description=Static address of the machine
DefaultDependencies=no
Wants=network.target network-online.target
Before=network.target network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip address replace $address/16 dev host0
ExecStart=ip link set host0 up
ExecStart=ip route replace default via $gateway
END
`;

/** Lays a writable view over the host's root file system for one machine and makes it a machine of its own. Returns its root. */
export async function prepareMachineRoot(world: World, identity: MachineIdentity): Promise<string> {
  if (!/^[a-z][a-z0-9-]{0,11}$/.test(identity.name))
    throw new FleetError(`machine name "${identity.name}": use 1 to 12 lower-case letters, digits and dashes`, { code: 'MACHINE_NAME', kind: 'invalid' });
  if (!/^[0-9a-f]{32}$/.test(identity.id)) throw new FleetError(`machine id "${identity.id}": use 32 hexadecimal digits`, { code: 'MACHINE_ID', kind: 'invalid' });
  const base = `${world.directory}/${identity.name}`;
  const { name, id, address } = identity;
  await expectSuccess(
    `prepare the file system of machine ${name}`,
    world.run(['sh', '-c', prepare, 'prepare', base, name, id, address, world.gateway, bootTarget, ...maskedUnits]),
  );
  return `${base}/root`;
}
