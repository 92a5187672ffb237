import { readFileSync } from 'node:fs';
import { FleetError } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { expectSuccess } from './command.ts';
import { networkPrefix, type World, type WorldProcess } from './world.ts';

export interface EtcdMember {
  readonly name: string;
  readonly clientUrl: string;
  /** @throws FleetError `ETCD_OFF` when it is not running. */
  readonly pid: number;
  /** Starts it (again) on its data; does not wait for a quorum. */
  start(): Promise<void>;
  /** Stops its process with SIGSTOP: connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  /** Ends it in order, with SIGTERM. */
  stop(): Promise<void>;
}

/** A real etcd, of one or more members, on addresses of the world's bridge. */
export interface Etcd {
  readonly members: readonly EtcdMember[];
  readonly endpoints: readonly string[];
  /** Runs etcdctl (v3) against all members and gives its output. */
  ctl(args: readonly string[]): Promise<string>;
  /** Waits until a write has been acknowledged. */
  untilHealthy(): Promise<void>;
}

export interface EtcdOptions {
  readonly members: number;
  /** Directory on the host for the members' logs. */
  readonly logs: string;
}

/** Starts etcd and waits until it answers. */
export async function startEtcd(world: World, options: EtcdOptions): Promise<Etcd> {
  const plan = Array.from({ length: options.members }, (_, index) => ({ name: `etcd${index + 1}`, address: `${networkPrefix}.0.${11 + index}` }));
  const initialCluster = plan.map(({ name, address }) => `${name}=http://${address}:2380`).join(',');
  const members: EtcdMember[] = [];
  for (const { name, address } of plan) {
    await expectSuccess(`add the address of ${name}`, world.run(['ip', 'address', 'add', `${address}/16`, 'dev', world.bridge]));
    members.push(createMember(world, { name, address, initialCluster, log: `${options.logs}/${name}.log` }));
  }
  const endpoints = members.map((member) => member.clientUrl);
  const ctl = (args: readonly string[]): Promise<string> =>
    expectSuccess(`etcdctl ${args.join(' ')}`, world.run(['etcdctl', `--endpoints=${endpoints.join(',')}`, ...args], { env: { ETCDCTL_API: '3' } }));
  const etcd: Etcd = {
    members,
    endpoints,
    ctl,
    untilHealthy: async () => {
      await waitUntil('etcd to acknowledge a write', async () => (await ctl(['put', 'fleet-harness/health', '1'])) !== '', { deadlineMs: 30_000, everyMs: 50 });
    },
  };
  await Promise.all(members.map((member) => member.start()));
  await etcd.untilHealthy();
  return etcd;
}

interface MemberPlan {
  readonly name: string;
  readonly address: string;
  readonly initialCluster: string;
  readonly log: string;
}

function createMember(world: World, plan: MemberPlan): EtcdMember {
  const { name, address, log } = plan;
  const clientUrl = `http://${address}:2379`;
  const peerUrl = `http://${address}:2380`;
  let running: WorldProcess | undefined;

  const pid = (): number => {
    if (running === undefined) throw new FleetError(`${name} is not running: start it first`, { code: 'ETCD_OFF', kind: 'unavailable' });
    return running.pid;
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = running;
    process.kill(pid(), signal);
    running = undefined;
    await ending?.exited;
  };
  return {
    name,
    clientUrl,
    get pid() {
      return pid();
    },
    start: async () => {
      if (running !== undefined) throw new FleetError(`${name} is already running`, { code: 'ETCD_ON', kind: 'conflict' });
      const started = await world.start(
        [
          'env', 'ETCD_UNSUPPORTED_ARCH=arm64', 'etcd', '--name', name, '--data-dir', `${world.directory}/${name}`,
          '--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl,
          '--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl,
          '--initial-cluster', plan.initialCluster, '--initial-cluster-state', 'new', '--logger', 'zap', '--log-level', 'warn',
        ], // prettier-ignore
        { log },
      );
      running = started;
      void started.exited.then(() => {
        if (running === started) running = undefined;
      });
      // An address in use or a bad option ends it at once: say so here rather than in a time-out later.
      await waitUntil(`${name} to open its log`, () => {
        if (running !== started) throw new FleetError(`${name} ended at once: ${readFileSync(log, 'utf8').slice(-2_000)}`, { code: 'ETCD_NOT_STARTED', kind: 'unavailable' });
        return true;
      });
    },
    pause: () => {
      process.kill(pid(), 'SIGSTOP');
    },
    resume: () => {
      process.kill(pid(), 'SIGCONT');
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}
