import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { expectSuccess, runCommand, type CommandOptions, type CommandResult } from './command.ts';
import { controlGroupRoots } from './control-groups.ts';
import { bootTarget, prepareMachineRoot, type MachineIdentity } from './machine-root.ts';
import { childrenOf, type World, type WorldProcess } from './world.ts';

export interface RealMachineOptions extends MachineIdentity {
  /** Host directories to show inside at the same path, read-only. */
  readonly share: readonly string[];
  /** File on the host for what the container itself prints. */
  readonly log: string;
}

/**
 * A machine with its own systemd, D-Bus, journal, machine id, host name and address: a systemd-nspawn container over a
 * writable view of the host's root. Its disk (not its /run and /tmp) outlives power cuts until the world ends.
 */
export interface RealMachine extends MachineIdentity {
  readonly running: boolean;
  /** Process id of its systemd as the host sees it. @throws FleetError `MACHINE_OFF`. */
  readonly leader: number;
  /** Boots it and waits until its systemd has reached the boot target. */
  boot(): Promise<void>;
  /** Pulls the plug: every process is killed at once. */
  powerCut(): Promise<void>;
  /** Shuts it down in order: services are stopped. */
  shutDown(): Promise<void>;
  /** Takes its network away: packets vanish, nothing is refused. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  /** Runs a command inside, as root, in the machine's namespaces. */
  exec(command: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** As `exec`, for a command that has to succeed; gives its output. */
  output(command: readonly string[], options?: CommandOptions): Promise<string>;
  /** A path inside the machine, as this process can open it, running or not. What lies in /run and /tmp needs `runtimePath`. */
  diskPath(path: string): string;
  /** A path inside the running machine, /run and /tmp included, as this process can open it. */
  runtimePath(path: string): string;
  /** Makes missing directories; `mode` is 0o644 unless told. */
  writeFile(path: string, text: string, mode?: number): void;
  readFile(path: string): string;
  /** Changes /etc/machine-id; takes effect for what reads it from now on. */
  setId(id: string): void;
}

const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' };

// The shell moves itself into the machine's own control group and becomes the container: systemd-nspawn stays where it is started.
const enterGroups = `set -eu
groups=$1; shift
for group in $groups; do mkdir -p "$group"; echo $$ > "$group/cgroup.procs"; done
exec "$@"
`;

export async function createRealMachine(world: World, options: RealMachineOptions): Promise<RealMachine> {
  const root = await prepareMachineRoot(world, options);
  const { name, address } = options;
  let id = options.id;
  let container: { readonly process: WorldProcess; readonly leader: number } | undefined;
  const groups = controlGroupRoots().map((directory) => `${directory}/${world.controlGroup}/${name}`);

  const leader = (): number => {
    if (container === undefined) throw new FleetError(`machine ${name} is off: boot it first`, { code: 'MACHINE_OFF', kind: 'unavailable' });
    return container.leader;
  };
  const link = async (state: 'up' | 'down'): Promise<void> => {
    leader();
    await expectSuccess(`set the link of machine ${name} ${state}`, world.run(['ip', 'link', 'set', `vb-${name}`, state]));
  };
  const untilOff = async (what: string): Promise<void> => {
    const { process: running } = container ?? {};
    if (running === undefined) return;
    await Promise.race([running.exited, rejectAfter(30_000, `${what} of machine ${name}: the container did not end`)]);
    container = undefined;
  };

  const machine: RealMachine = {
    name,
    address,
    get id() {
      return id;
    },
    get running() {
      return container !== undefined;
    },
    get leader() {
      return leader();
    },
    boot: async () => {
      if (container !== undefined) throw new FleetError(`machine ${name} is already running`, { code: 'MACHINE_ON', kind: 'conflict' });
      const command = [
        'systemd-nspawn', '--quiet', '--register=no', '--keep-unit', '--settings=no', '--resolv-conf=off', '--timezone=off', '--link-journal=no',
        '--console=pipe', `--directory=${root}`, `--machine=${name}`, `--network-bridge=${world.bridge}`,
        ...options.share.map((path) => `--bind-ro=${path}`),
        '--boot', `systemd.unit=${bootTarget}`,
      ]; // prettier-ignore
      const process = await world.start(['sh', '-c', enterGroups, 'enter-groups', groups.join(' '), ...command], { log: options.log });
      let ended = false;
      void process.exited.then(() => (ended = true));
      const isOn = async (pid: number): Promise<boolean> =>
        (await enter(pid, ['systemctl', 'is-active', '--quiet', bootTarget], { timeoutMs: 5_000 })).code === 0;
      const first = await waitUntil(
        `machine ${name} to boot (its output: ${options.log})`,
        async () => {
          if (ended) throw new FleetError(`machine ${name} did not boot: ${readFileSync(options.log, 'utf8').slice(-2_000)}`, { code: 'MACHINE_NOT_BOOTED', kind: 'unavailable' });
          const pid = childrenOf(process.pid).find((child) => commandOf(child).includes('systemd.unit='));
          return pid !== undefined && (await isOn(pid)) ? pid : undefined;
        },
        { deadlineMs: 60_000, everyMs: 20 },
      );
      container = { process, leader: first };
    },
    powerCut: async () => {
      kill(leader(), 'SIGKILL');
      await untilOff('power cut');
    },
    shutDown: async () => {
      // systemd's own signal for "power off" (systemd(1), SIGRTMIN+4); node names no real-time signals.
      await expectSuccess(`shut machine ${name} down`, runCommand('kill', ['-s', 'RTMIN+4', String(leader())]));
      await untilOff('shutdown');
    },
    cut: () => link('down'),
    heal: () => link('up'),
    exec: (command, execOptions = {}) => enter(leader(), command, execOptions),
    output: (command, execOptions = {}) => expectSuccess(`${command.join(' ')} on machine ${name}`, enter(leader(), command, execOptions)),
    diskPath: (path) => world.outside(`${root}${path}`),
    runtimePath: (path) => `/proc/${leader()}/root${path}`,
    writeFile: (path, text, mode = 0o644) => {
      const target = container === undefined ? machine.diskPath(path) : machine.runtimePath(path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text, { mode });
    },
    readFile: (path) => readFileSync(container === undefined ? machine.diskPath(path) : machine.runtimePath(path), 'utf8'),
    setId: (wanted) => {
      machine.writeFile('/etc/machine-id', `${wanted}\n`);
      id = wanted;
    },
  };
  return machine;
}

function enter(pid: number, command: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
  return runCommand('nsenter', ['--target', String(pid), ...namespaces, '--', ...command], { ...options, env: { ...environment, ...options.env } });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function rejectAfter(ms: number, message: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new FleetError(message, { code: 'MACHINE_STUCK', kind: 'unavailable' })), ms).unref();
  });
}
