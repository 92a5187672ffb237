// systemd_user: the blocks for a user in docs/deployment.md, word for word, on the systemd of a user of a real machine.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { builtArchive, repository } from '../../src/built.ts';
import { readShellBlocks } from '../../src/documents/shell-blocks.ts';
import type { CommandResult } from '../../src/machines/command.ts';
import { createRealMachine, type RealMachine } from '../../src/machines/machine.ts';
import { describeRealMachines } from '../../src/machines/real-test.ts';
import { createWorld, networkPrefix, type World } from '../../src/machines/world.ts';
import { expectSoon, expectThroughout } from '../../src/scenario.ts';

const uid = '4711';
const [block] = readShellBlocks(readFileSync(join(repository, 'docs/deployment.md'), 'utf8')).filter(({ where }) => where === 'user');

/** What logind and Debian's dbus-user-session do elsewhere; the machines have neither. */
const session: Readonly<Record<string, string>> = {
  '/etc/systemd/system/user@.service.d/runtime-directory.conf': '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n',
  '/etc/systemd/user/dbus.socket': '[Socket]\nListenStream=%t/bus\n',
  '/etc/systemd/user/dbus.service': '[Unit]\nRequires=dbus.socket\n[Service]\nType=notify\nNotifyAccess=main\nExecStart=/usr/bin/dbus-daemon --session --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only\n',
  '/etc/systemd/user/sockets.target.d/dbus.conf': '[Unit]\nWants=dbus.socket\n',
};

describeRealMachines('fleetd of a user (real machines)', () => {
  let world: World;
  let machine: RealMachine;
  const logs = mkdtempSync(join(tmpdir(), 'fleet-user-'));

  const asUser = (script: string): Promise<CommandResult> =>
    machine.exec(['runuser', '-u', 'someone', '--', 'env', `XDG_RUNTIME_DIR=/run/user/${uid}`, 'HOME=/home/someone', 'sh', '-ec', `cd\n${script}`], { timeoutMs: 60_000 });
  const says = async (script: string): Promise<string> => {
    const { code, stdout, stderr } = await asUser(script);
    if (code !== 0) throw new Error(`${script}: exit code ${code}\n${stdout}${stderr}\n${(await machine.exec(['journalctl', '--boot', '--no-pager', '--lines=80'])).stdout}`);
    return stdout;
  };
  const hello = async (): Promise<string> => (await says('systemctl --user show --property=ActiveState,InvocationID,MainPID hello.service')).trim();

  beforeAll(async () => {
    const archive = builtArchive();
    world = await createWorld();
    machine = await createRealMachine(world, { name: 'u1', id: 'a'.repeat(32), address: `${networkPrefix}.1.1`, share: [`${dirname(archive)}:/opt/archive`], log: join(logs, 'u1.log') });
    for (const [path, text] of Object.entries(session)) machine.writeFile(path, text);
    await machine.boot();
    await machine.output(['useradd', '--create-home', '--shell=/bin/sh', `--uid=${uid}`, 'someone']);
    await machine.output(['tar', '-xzf', `/opt/archive/${basename(archive)}`, '-C', '/usr/local', '--strip-components=1']);
    await machine.output(['systemctl', 'start', `user@${uid}.service`], { timeoutMs: 30_000 });
  }, 120_000);
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    rmSync(logs, { recursive: true, force: true });
  }, 60_000);

  it('runs units in the systemd of the user, as the document says', async () => {
    const said = await says(block?.script ?? 'false');
    expect(said).toMatch(/^hello\.service\s.*active\s+running$/m);
    expect(said).toMatch(/Active: active \(running\)/);
    // It is the user's: in its control groups, under its id, and unknown to the machine's systemd.
    const pid = /MainPID=(\d+)/.exec(await hello())?.[1] ?? '';
    expect(await machine.output(['cat', `/proc/${pid}/status`])).toMatch(new RegExp(`^Uid:\\s+${uid}\\s`, 'm'));
    expect((await machine.output(['systemctl', 'show', '--value', '--property=LoadState', 'hello.service'])).trim()).toBe('not-found');
    expect(await says('systemctl --user is-enabled hello.service || true')).toBe('linked-runtime\n');
  }, 60_000);

  it('leaves them running over a restart, and takes them away when they are destroyed', async () => {
    const before = await hello();
    await says('systemctl --user restart fleet.service');
    await expectThroughout(hello, before, 500);
    const endpoint = `export FLEETCTL_ENDPOINT=unix:///run/user/${uid}/fleet.sock`;
    await says(`${endpoint}; fleetctl stop hello.service`);
    expect(await hello()).toContain('ActiveState=inactive');
    await says(`${endpoint}; fleetctl destroy hello.service`);
    await expectSoon(async () => (await says('systemctl --user show --value --property=LoadState hello.service')).trim(), 'not-found');
  }, 60_000);

  it('follows a bus of the user that was restarted', async () => {
    const endpoint = `export FLEETCTL_ENDPOINT=unix:///run/user/${uid}/fleet.sock`;
    await says('systemctl --user kill --signal=KILL dbus.service');
    await says(`${endpoint}; fleetctl start /usr/local/share/fleet/examples/hello.service`);
    expect(await hello()).toContain('ActiveState=active');
  }, 60_000);
});
