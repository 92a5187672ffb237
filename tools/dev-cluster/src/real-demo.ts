import { join } from 'node:path';
import { builtFleetctl, createRealCluster, repository } from '@fleet/e2e';
import type { DemoCluster } from './demo.ts';
import { createDemoDirectory, shellQuote, writeScript } from './demo-directory.ts';

/** Three machines with their own systemd and D-Bus, and a real etcd. Needs what `realMachineObstacle` checks. */
export async function createRealDemo(signal: AbortSignal): Promise<DemoCluster> {
  const fleetctl = builtFleetctl();
  const directory = createDemoDirectory(repository);
  const cluster = await createRealCluster({ machines: 3, agentTtlMs: 10_000, logs: directory.path, signal }).catch((error: unknown) => {
    directory.close();
    throw error;
  });
  const endpoint = `unix://${cluster.machines[0]?.real.runtimePath('/run/fleet.sock') ?? ''}`;
  const command = join(directory.bin, 'fleetctl');
  writeScript(command, [`: "\${FLEETCTL_ENDPOINT:=${endpoint}}"; export FLEETCTL_ENDPOINT`, `exec ${shellQuote(process.execPath)} ${shellQuote(fleetctl)} "$@"`]);
  // A shell on a machine: `on m1 systemctl status hello.service`.
  const cases = cluster.machines.map(({ real }) => `${real.name}) leader=${real.leader} ;;`);
  writeScript(join(directory.bin, 'on'), [
    'name=${1:?usage: on MACHINE COMMAND...}; shift',
    `case "$name" in ${cases.join(' ')} *) echo "no machine $name: use ${cluster.machines.map(({ name }) => name).join(', ')}" >&2; exit 1 ;; esac`,
    'exec nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup -- env -i TERM="$TERM" HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"',
  ]);
  return {
    summary: `Three machines, each with its own systemd, D-Bus and fleetd, form a fleet over a real etcd (${cluster.etcd.endpoints.join(', ')}).`,
    fleetctl: { command: [command], env: { FLEETCTL_ENDPOINT: endpoint } },
    hello: join('examples', 'hello.service'),
    helloOutput: async () => {
      const outputs = await Promise.all(cluster.machines.map(({ real }) => real.exec(['journalctl', '--unit', 'hello.service', '--output', 'cat', '--no-pager'])));
      return outputs.map(({ stdout }) => stdout).join('');
    },
    nextSteps: [
      'The cluster runs until Ctrl-C. In another terminal, as root, in this directory:',
      '',
      `  export PATH=${shellQuote(directory.bin)}:$PATH      # fleetctl for this cluster, and "on" for a command on a machine`,
      '  fleetctl list-units',
      '  fleetctl start examples/web@1.service examples/web@2.service',
      '  fleetctl load examples/backup.service && fleetctl start examples/backup.timer',
      '  on m1 systemctl list-units "hello*"',
      '  on m1 journalctl -u fleet',
      '  on m1 poweroff                                # its units move to the others',
      '',
      `Any other fleetctl:  export FLEETCTL_ENDPOINT=${endpoint}`,
      `Output of units:     on m1 journalctl -u <unit>`,
      'Stop:                Ctrl-C; machines and etcd end with it and leave nothing behind',
    ],
    [Symbol.asyncDispose]: async () => {
      await cluster[Symbol.asyncDispose]();
      directory.close();
    },
  };
}
