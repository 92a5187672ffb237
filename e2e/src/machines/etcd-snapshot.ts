import { expectSuccess } from './command.ts';
import type { Etcd } from './etcd.ts';
import type { World } from './world.ts';

/** A backup of an etcd as an operator makes it. */
export interface EtcdSnapshot {
  /** Ends all members and starts them again on what the backup holds: everything written since is lost, and revisions begin again from there. */
  restore(): Promise<void>;
}

/** Takes a backup with `etcdctl snapshot save`. */
export async function saveSnapshot(world: World, etcd: Etcd): Promise<EtcdSnapshot> {
  const file = `${world.directory}/etcd-${process.hrtime.bigint()}.db`;
  const [first] = etcd.members;
  if (first === undefined) throw new Error('the etcd has no members');
  const ctl = async (...args: readonly string[]): Promise<void> => {
    await expectSuccess(`etcdctl ${args.join(' ')}`, world.run(['etcdctl', ...args], { env: { ETCDCTL_API: '3' } }));
  };
  const peer = (clientUrl: string): string => clientUrl.replace(/:\d+$/, ':2380');
  await ctl(`--endpoints=${first.clientUrl}`, 'snapshot', 'save', file);
  return {
    restore: async () => {
      await Promise.all(etcd.members.map((member) => member.kill()));
      const initialCluster = etcd.members.map(({ name, clientUrl }) => `${name}=${peer(clientUrl)}`).join(',');
      for (const { name, clientUrl } of etcd.members) {
        const data = `${world.directory}/${name}`;
        await expectSuccess(`remove the data of ${name}`, world.run(['rm', '-rf', data]));
        await ctl(
          'snapshot', 'restore', file, '--name', name, '--data-dir', data,
          '--initial-cluster', initialCluster, '--initial-advertise-peer-urls', peer(clientUrl),
        ); // prettier-ignore
      }
      await Promise.all(etcd.members.map((member) => member.start()));
      await etcd.untilHealthy();
    },
  };
}
