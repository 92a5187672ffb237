import { waitUntil } from '@fleet/runtime/testing';
import type { ClusterMachine, HttpAnswer, HttpQuestion, UnitOnMachine } from '../cluster.ts';
import type { RealMachine } from '../machines/machine.ts';
import { requestOverSocket } from '../request-over-socket.ts';

export interface RealClusterMachine extends ClusterMachine {
  readonly real: RealMachine;
  /** Power off in order: systemd stops the daemon, then everything else. */
  shutDown(): Promise<void>;
  /** Whether the daemon was left running by what was done to it here. */
  readonly daemonRunning: boolean;
}

const unitsDirectory = '/run/fleet/units';
const service = 'fleet.service';

/** Wraps a machine on which fleet is installed. */
export function createRealClusterMachine(real: RealMachine): RealClusterMachine {
  let daemonRunning = false;

  const request = (question: HttpQuestion): Promise<HttpAnswer> => requestOverSocket(real.runtimePath('/run/fleet.sock'), question);
  const untilServing = async (): Promise<void> => {
    await waitUntil(
      `the API on machine ${real.name}`,
      async () => {
        const { status } = await request({ method: 'GET', path: '/fleet/v1/machines' });
        return status === 200;
      },
      { deadlineMs: 30_000, everyMs: 50 },
    ).catch(async (error: unknown) => {
      throw new Error(`the daemon on machine ${real.name} does not serve; its log:\n${await log()}`, { cause: error });
    });
    daemonRunning = true;
  };
  const log = (): Promise<string> => real.output(['journalctl', '--boot', '--unit', service, '--output', 'short-precise', '--no-pager']);

  const units = async (): Promise<readonly UnitOnMachine[]> => {
    const listing = await real.exec(['ls', unitsDirectory]);
    const names = listing.stdout.split('\n').filter(Boolean);
    if (names.length === 0) return [];
    const shown = await real.output(['systemctl', 'show', '--property=Id,LoadState,ActiveState,SubState,InvocationID', '--', ...names]);
    return shown
      .trim()
      .split('\n\n')
      .map((block) => new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])))
      .map((properties) => ({
        name: properties.get('Id') ?? '',
        load: properties.get('LoadState') ?? '',
        active: properties.get('ActiveState') ?? '',
        sub: properties.get('SubState') ?? '',
        run: properties.get('InvocationID') ?? '',
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  };

  return {
    real,
    name: real.name,
    get id() {
      return real.id;
    },
    get running() {
      return real.running;
    },
    get daemonRunning() {
      return daemonRunning;
    },
    units,
    activeUnits: async () => (await units()).filter(({ active }) => active === 'active').map(({ name }) => name),
    powerCut: async () => {
      daemonRunning = false;
      await real.powerCut();
    },
    shutDown: async () => {
      daemonRunning = false;
      await real.shutDown();
    },
    // Of a machine that was booted and whose daemon was too slow to serve, the rest.
    boot: async () => {
      if (!real.running) await real.boot();
      await untilServing();
    },
    killDaemon: async () => {
      daemonRunning = false;
      await real.output(['systemctl', 'kill', '--signal=KILL', service]);
      await waitUntil('the daemon to be gone', async () => (await real.exec(['systemctl', 'is-active', '--quiet', service])).code !== 0);
    },
    stopDaemon: async () => {
      daemonRunning = false;
      await real.output(['systemctl', 'stop', service], { timeoutMs: 90_000 });
    },
    startDaemon: async () => {
      await real.exec(['systemctl', 'reset-failed', service]);
      await real.output(['systemctl', 'start', service]);
      await untilServing();
    },
    cut: () => real.cut(),
    heal: () => real.heal(),
    request,
    daemonLog: log,
  };
}
