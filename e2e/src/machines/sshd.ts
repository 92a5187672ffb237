import { waitUntil } from '@fleet/runtime/testing';
import type { RealMachine } from './machine.ts';

const config = `Port 22
HostKey /etc/ssh/fleet_host_key
AuthorizedKeysFile /root/.ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
Subsystem sftp internal-sftp
`;
const unit = `[Service]
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/fleet_sshd_config
RuntimeDirectory=sshd
`;

/**
 * Runs an SSH server on each machine, with a host key of its own, and lets root of every machine log in on every other
 * with one key. Needs Debian's openssh-server and openssh-client on the host.
 */
export async function startSshServers(machines: readonly RealMachine[]): Promise<void> {
  const [first] = machines;
  if (first === undefined) return;
  const key = '/root/.ssh/id_ed25519';
  await first.output(['sh', '-c', `rm -rf /root/.ssh && mkdir -m 700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -C fleet-tests -f ${key}`]);
  const secret = first.readFile(key);
  const known = first.readFile(`${key}.pub`);
  await Promise.all(
    machines.map(async (machine) => {
      if (machine !== first) await machine.output(['sh', '-c', 'rm -rf /root/.ssh && mkdir -m 700 /root/.ssh']);
      machine.writeFile(key, secret, 0o600);
      machine.writeFile('/root/.ssh/authorized_keys', known, 0o600);
      await newHostKey(machine);
      machine.writeFile('/etc/ssh/fleet_sshd_config', config);
      machine.writeFile('/etc/systemd/system/fleet-sshd.service', unit);
      await machine.output(['systemctl', 'daemon-reload']);
      await machine.output(['systemctl', 'start', 'fleet-sshd.service']);
      await waitUntil(`the SSH server of machine ${machine.name}`, async () => (await machine.exec(['ssh', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', 'root@localhost', 'true'])).code === 0, {
        deadlineMs: 15_000,
        everyMs: 100,
      });
    }),
  );
}

/** Gives a machine another host key, as a machine that was set up anew would have. */
export async function newHostKey(machine: RealMachine): Promise<void> {
  await machine.output(['sh', '-c', "rm -f /etc/ssh/fleet_host_key* && ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/fleet_host_key"]);
}
