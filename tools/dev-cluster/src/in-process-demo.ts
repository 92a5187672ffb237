import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtFleetctl, fleetVersion, repository } from '@fleet/e2e';
import { createEmbeddedStore } from '@fleet/registry/embedded';
import { createInProcessCluster } from '@fleet/testkit';
import type { DemoCluster } from './demo.ts';
import { createDemoDirectory, shellQuote, writeScript } from './demo-directory.ts';

const machines = 3;

/** Three daemons in this process that share one embedded store; units are child processes. */
export async function createInProcessDemo(): Promise<DemoCluster> {
  const fleetctl = builtFleetctl();
  const directory = createDemoDirectory(repository);
  const cluster = await createInProcessCluster({
    machines,
    agentTtlMs: 10_000,
    version: fleetVersion(),
    directory: directory.machines,
    store: createEmbeddedStore({ path: join(directory.path, 'registry.db') }),
    metadata: (index) => ({ region: index === 3 ? 'us' : 'eu', ...(index === 1 ? { disk: 'ssd' } : {}) }),
  }).catch((error: unknown) => {
    directory.close();
    throw error;
  });
  const sockets = cluster.machines.map((machine) => `unix://${machine.socketPath}`);
  const env = { FLEETCTL_ENDPOINT: sockets[0] };
  const command = join(directory.bin, 'fleetctl');
  writeScript(command, [`: "\${FLEETCTL_ENDPOINT:=${sockets[0] ?? ''}}"; export FLEETCTL_ENDPOINT`, `exec ${shellQuote(process.execPath)} ${shellQuote(fleetctl)} "$@"`]);
  const outputs = join(directory.path, 'm*/disk/state/log');
  const relative = (path: string): string => (path.startsWith(`${process.cwd()}/`) ? path.slice(process.cwd().length + 1) : path);
  const unitOutput = (): string => cluster.machines.map((machine) => tryRead(machine.unitLogPath('hello.service'))).join('');

  return {
    summary: `Three machines (daemons in this process, sharing one embedded store) form a fleet; units run as child processes.`,
    fleetctl: { command: [command], env },
    hello: join('examples', 'hello.service'),
    helloOutput: () => Promise.resolve(unitOutput()),
    nextSteps: [
      'The cluster runs until Ctrl-C. In another terminal, in this directory:',
      '',
      `  export PATH=${shellQuote(directory.bin)}:$PATH      # a fleetctl that talks to this cluster`,
      '  fleetctl list-machines',
      '  fleetctl start examples/web@1.service examples/web@2.service      # keep apart from each other',
      '  fleetctl start examples/web-register@1.service                    # runs beside web@1',
      '  fleetctl start examples/everywhere.service                        # runs on every machine',
      '  fleetctl list-units',
      '  fleetctl status hello.service',
      '  fleetctl journal -f hello.service                                 # Ctrl-C ends it',
      '  fleetctl why hello.service',
      '  fleetctl destroy hello.service',
      '',
      `Any other fleetctl:  export FLEETCTL_ENDPOINT=${sockets[0] ?? ''}`,
      `Sockets:             ${sockets.map((socket) => socket.slice('unix://'.length)).join('\n                     ')}`,
      `Output of units:     ${relative(outputs)}/<unit>.log (kept until the next demo)`,
      `Logs of daemons:     ${relative(join(directory.path, 'm*/fleetd.log'))}`,
      'Stop:                Ctrl-C; the units end with the cluster',
    ],
    [Symbol.asyncDispose]: async () => {
      const ends = await Promise.allSettled(cluster.machines.map((machine) => machine.shutDown()));
      for (const [index, end] of ends.entries())
        if (end.status === 'rejected') appendFileSync(cluster.machines[index]?.logPath ?? '', `${String(end.reason)}\n`);
      await cluster[Symbol.asyncDispose]();
      directory.close();
    },
  };
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
