import { chmod, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { systemClock } from '@fleet/runtime';

import { createDbusUnitManager, type DbusUnitManagerOptions } from '../dbus/index.ts';
import type { UnitManager } from '../unit-manager.ts';
import type { RealMachine } from './real-machine.ts';
import { createSocketProxy, type SocketProxy } from './socket-proxy.ts';
import type { UnitManagerFixture } from './unit-manager-fixture.ts';

export const SYSTEM_BUS = '/run/dbus/system_bus_socket';

export interface DbusFixture extends UnitManagerFixture {
  readonly unitsDirectory: string;
  readonly proxy: SocketProxy;
  open(options?: Partial<DbusUnitManagerOptions>): Promise<UnitManager>;
}

/** A manager on the machine's systemd, through a proxy that can be cut. Disposing it leaves the machine as it was. */
export async function dbusFixture(machine: RealMachine): Promise<DbusFixture> {
  const directory = await mkdtemp(join(machine.shared, 'case-'));
  const unitsDirectory = join(directory, 'units');
  const proxy = await createSocketProxy(join(directory, 'bus'), () => machine.path(SYSTEM_BUS));
  const managers: UnitManager[] = [];
  const open = async (options: Partial<DbusUnitManagerOptions> = {}): Promise<UnitManager> => {
    const manager = await createDbusUnitManager({ unitsDirectory, bus: `unix:path=${proxy.path}`, clock: systemClock, ...options });
    managers.push(manager);
    return manager;
  };
  return {
    manager: await open(),
    directory,
    unitsDirectory,
    proxy,
    open,
    types: ['socket', 'timer', 'path', 'mount', 'target', 'slice'],
    editFile: async (name, text) => {
      await mkdir(unitsDirectory, { recursive: true });
      await writeFile(join(unitsDirectory, name), text);
      await chmod(join(unitsDirectory, name), 0o644);
    },
    readDirectory: async () => {
      const names = await readdir(unitsDirectory).catch(() => []);
      return new Map(await Promise.all(names.map(async (name) => [name, { mode: (await stat(join(unitsDirectory, name))).mode & 0o777, text: await readFile(join(unitsDirectory, name), 'utf8') }] as const)));
    },
    connection: { drop: () => proxy.drop(), restore: () => proxy.restore() },
    reopen: () => open(),
    [Symbol.asyncDispose]: async () => {
      for (const manager of managers) await manager[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await machine.run(['sh', '-c', CLEAN]);
    },
  };
}

const CLEAN = `
systemctl kill --signal=KILL 'contract-*' 2>/dev/null
systemctl stop 'contract-*' 2>/dev/null
find /run/systemd/system -name 'contract-*' -delete
systemctl reset-failed 'contract-*' 2>/dev/null
systemctl daemon-reload
`;
