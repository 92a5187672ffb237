import type { EtcdMember } from '../machines/etcd.ts';
import type { RealCluster } from '../real/real-cluster.ts';
import type { RealClusterMachine } from '../real/real-cluster-machine.ts';
import type { Absences } from './absences.ts';

export interface FaultWorld {
  readonly cluster: RealCluster;
  readonly absences: Absences;
  readonly now: () => number;
}

export interface Fault {
  readonly name: string;
  readonly weight: number;
  /** How long it lasts, as parts of the TTL; the time is drawn evenly. Faults of a moment last nothing. */
  readonly lastsTtls: readonly [number, number];
  /** Does it, and gives how to undo it. */
  begin(world: FaultWorld, machine: RealClusterMachine): Promise<() => Promise<void>>;
}

const nothingToUndo = (): Promise<void> => Promise.resolve();

/** A fault that takes the daemon away and brings it back. */
function daemonFault(name: string, weight: number, lastsTtls: readonly [number, number], end: (machine: RealClusterMachine) => Promise<void>): Fault {
  return {
    name,
    weight,
    lastsTtls,
    begin: async ({ absences, now }, machine) => {
      absences.begin(machine.name, now());
      await end(machine);
      return async () => {
        await machine.startDaemon();
        absences.end(machine.name, now());
      };
    },
  };
}

function momentary(name: string, weight: number, act: (machine: RealClusterMachine) => Promise<unknown>): Fault {
  return {
    name,
    weight,
    lastsTtls: [0, 0],
    begin: async (_world, machine) => {
      await act(machine);
      return nothingToUndo;
    },
  };
}

/** Faults of one machine. */
export const machineFaults: readonly Fault[] = [
  daemonFault('kill -9, back at once', 4, [0, 0], (machine) => machine.killDaemon()),
  daemonFault('kill -9, back later', 2, [0.2, 2.5], (machine) => machine.killDaemon()),
  daemonFault('restart', 3, [0, 0], (machine) => machine.stopDaemon()),
  daemonFault('TERM, back later', 2, [0.2, 2.5], (machine) => machine.stopDaemon()),
  {
    name: 'power cut',
    weight: 3,
    lastsTtls: [0, 2.5],
    begin: async ({ absences, now }, machine) => {
      absences.begin(machine.name, now(), { dead: true });
      await machine.powerCut();
      return async () => {
        await machine.boot();
        absences.end(machine.name, now());
      };
    },
  },
  {
    name: 'network cut',
    weight: 3,
    lastsTtls: [0.2, 3],
    begin: async ({ absences, now }, machine) => {
      absences.begin(machine.name, now());
      await machine.cut();
      return async () => {
        await machine.heal();
        absences.end(machine.name, now());
      };
    },
  },
  momentary('HUP', 2, (machine) => machine.real.output(['systemctl', 'kill', '--signal=HUP', 'fleet.service'])),
];

/** The member that a fault of one member befalls: chosen with the machine, so that it follows from the seed. */
function memberFor({ cluster }: FaultWorld, machine: RealClusterMachine): EtcdMember {
  const { members } = cluster.etcd;
  const member = members[cluster.machines.indexOf(machine) % members.length];
  if (member === undefined) throw new Error('etcd has no members');
  return member;
}

/** Faults that leave etcd its quorum; for clusters of several members. */
const memberFaults: readonly Fault[] = [
  {
    name: 'one etcd member paused',
    weight: 4,
    lastsTtls: [0.2, 2.5],
    begin: (world, machine) => {
      const member = memberFor(world, machine);
      member.pause();
      return Promise.resolve(() => {
        member.resume();
        return world.cluster.etcd.untilHealthy();
      });
    },
  },
  {
    name: 'one etcd member killed',
    weight: 4,
    lastsTtls: [0, 2.5],
    begin: async (world, machine) => {
      const member = memberFor(world, machine);
      await member.kill();
      return async () => {
        await member.start();
        await world.cluster.etcd.untilHealthy();
      };
    },
  },
];

const storeFaults: readonly Fault[] = [
  {
    name: 'etcd paused',
    weight: 3,
    lastsTtls: [0.2, 2.5],
    begin: async ({ cluster, absences, now }) => {
      absences.beginOutage(now());
      await cluster.pauseStore();
      return async () => {
        await cluster.resumeStore();
        absences.endOutage(now());
      };
    },
  },
  {
    name: 'etcd killed',
    weight: 3,
    lastsTtls: [0, 2.5],
    begin: async ({ cluster, absences, now }) => {
      absences.beginOutage(now());
      for (const member of cluster.etcd.members) await member.kill();
      return async () => {
        for (const member of cluster.etcd.members) await member.start();
        await cluster.etcd.untilHealthy();
        absences.endOutage(now());
      };
    },
  },
];

const busFaults: readonly Fault[] = [
  momentary('bus killed', 2, async (machine) => {
    await machine.real.exec(['systemctl', 'kill', '--kill-who=main', '--signal=KILL', 'dbus.service']);
    await machine.real.exec(['systemctl', 'start', 'dbus.service']);
  }),
  momentary('systemd executed again', 2, (machine) => machine.real.output(['systemctl', 'daemon-reexec'])),
  momentary('systemd reloaded', 1, (machine) => machine.real.output(['systemctl', 'daemon-reload'])),
];

/** Faults of what fleetd stands on, beside those of machines. */
export function groundFaults(etcdMembers: number): readonly Fault[] {
  return [...storeFaults, ...(etcdMembers > 1 ? memberFaults : []), ...busFaults];
}
