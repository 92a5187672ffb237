import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { startEtcd, type Etcd } from './etcd.ts';
import { createRealMachine, type RealMachine } from './machine.ts';
import { describeRealMachines } from './real-test.ts';
import { createWorld, type World } from './world.ts';

describeRealMachines('real machines', () => {
  let world: World;
  let etcd: Etcd;
  const machines: RealMachine[] = [];
  const logs = mkdtempSync(join(tmpdir(), 'fleet-e2e-logs-'));

  beforeAll(async () => {
    world = await createWorld();
    etcd = await startEtcd(world, { members: 3, logs });
    for (const index of [1, 2, 3]) {
      const name = `m${index}`;
      machines.push(await createRealMachine(world, { name, id: String(index).padStart(32, 'a'), address: `10.213.1.${index}`, share: [], log: join(logs, `${name}.log`) }));
    }
    await Promise.all(machines.map((machine) => machine.boot()));
  }, 60_000);
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  }, 30_000);

  const reaches = async (from: RealMachine, url: string): Promise<boolean> =>
    (await from.exec(['etcdctl', `--endpoints=${url}`, '--dial-timeout=1s', '--command-timeout=1s', 'get', 'x'], { env: { ETCDCTL_API: '3' } })).code === 0;

  it('gives each machine a systemd, an identity and a network of its own', async () => {
    for (const machine of machines) {
      expect((await machine.output(['cat', '/etc/machine-id'])).trim()).toBe(machine.id);
      expect((await machine.output(['hostname'])).trim()).toBe(machine.name);
      expect((await machine.output(['systemctl', '--failed', '--no-legend', '--plain'])).trim()).toBe('');
      expect(await machine.output(['busctl', '--system', 'list', '--no-legend'])).toContain('org.freedesktop.systemd1');
      expect(await reaches(machine, etcd.endpoints[0]!)).toBe(true);
    }
  });

  it('keeps units of the same name apart between machines', async () => {
    const unit = '[Service]\nExecStart=sleep infinity\n';
    for (const machine of machines) {
      machine.writeFile('/run/systemd/system/same.service', unit);
      await machine.output(['systemctl', 'start', 'same.service']);
    }
    await machines[0]!.output(['systemctl', 'stop', 'same.service']);
    expect((await machines[0]!.exec(['systemctl', 'is-active', 'same.service'])).stdout.trim()).toBe('inactive');
    expect((await machines[1]!.exec(['systemctl', 'is-active', 'same.service'])).stdout.trim()).toBe('active');
    expect((await machines[2]!.output(['systemctl', 'show', '--property=Tasks,MainPID', 'same.service']))).not.toContain('MainPID=0');
  });

  it('loses what lies in /run at a power cut and keeps its disk', async () => {
    const [machine] = machines as [RealMachine];
    machine.writeFile('/var/lib/kept', 'kept');
    machine.writeFile('/run/lost', 'lost');
    await machine.powerCut();
    expect(machine.running).toBe(false);
    await machine.boot();
    expect(machine.readFile('/var/lib/kept')).toBe('kept');
    expect((await machine.exec(['test', '-e', '/run/lost'])).code).toBe(1);
    await machine.shutDown();
    expect(machine.running).toBe(false);
    await machine.boot();
  }, 60_000);

  it('cuts a machine off and heals it', async () => {
    const [, machine] = machines as [RealMachine, RealMachine];
    await machine.cut();
    expect(await reaches(machine, etcd.endpoints[0]!)).toBe(false);
    await machine.heal();
    await waitUntil('the machine to reach etcd again', () => reaches(machine, etcd.endpoints[0]!));
  }, 60_000);

  it('keeps etcd going without one of three members, not without two, and goes on after a pause', async () => {
    await etcd.members[0]!.kill();
    await waitUntil('two members to serve', async () => (await etcd.ctl(['put', 'a', '1'])).trim() === 'OK', { deadlineMs: 20_000 });
    etcd.members[1]!.pause();
    await expect(etcd.ctl(['--command-timeout=1s', 'put', 'a', '2'])).rejects.toThrow('etcdctl');
    etcd.members[1]!.resume();
    await etcd.members[0]!.start();
    await etcd.untilHealthy();
    expect(await etcd.ctl(['get', 'a', '--print-value-only'])).toMatch(/^[12]\n$/);
  }, 60_000);
});
