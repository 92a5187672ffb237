import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SimulatedCluster } from './testing/simulated-cluster.ts';

let cluster: SimulatedCluster;

beforeEach(async () => {
  cluster = new SimulatedCluster();
  await cluster.open();
});
afterEach(async () => {
  await cluster.close();
});

async function three(): Promise<void> {
  for (const [name, region] of [['m1', 'us'], ['m2', 'eu'], ['m3', 'asia']] as const) await cluster.start(name, { region });
}

const fleet = (name: string, value: string) => ['X-Fleet', name, value] as const;

describe('the six patterns', () => {
  beforeEach(three);

  it('a single unit anywhere', async () => {
    await cluster.startUnit('hello.service');
    expect(cluster.running()).toEqual({ 'hello.service': ['m1'] });
    const { body } = await cluster.api('m2', 'GET', '/fleet/v1/units/hello.service');
    expect(body).toMatchObject({ name: 'hello.service', desiredState: 'launched', currentState: 'launched', machineID: 'm1' });
    const states = await cluster.api('m3', 'GET', '/fleet/v1/state');
    expect(states.body).toMatchObject({ states: [{ name: 'hello.service', machineID: 'm1', systemdActiveState: 'active', systemdSubState: 'running', systemdLoadState: 'loaded' }] });
  });

  it('a global unit everywhere, on machines that join too', async () => {
    await cluster.startUnit('all.service', [fleet('Global', 'true')]);
    expect(cluster.running()).toEqual({ 'all.service': ['m1', 'm2', 'm3'] });
    await cluster.start('m4');
    expect(cluster.running()).toEqual({ 'all.service': ['m1', 'm2', 'm3', 'm4'] });
  });

  it('another machine when its own fails', async () => {
    for (const unit of ['a', 'b', 'c']) await cluster.startUnit(`${unit}.service`);
    expect(cluster.running()).toEqual({ 'a.service': ['m1'], 'b.service': ['m2'], 'c.service': ['m3'] });
    await cluster.powerOff('m3');
    await cluster.pass(cluster.ttlMs + 500);
    expect(cluster.running()).toEqual({ 'a.service': ['m1'], 'b.service': ['m2'], 'c.service': ['m1'] });
  });

  it('together on one machine', async () => {
    await cluster.startUnit('filler.service');
    await cluster.startUnit('ping.service');
    await cluster.startUnit('pong.service', [fleet('MachineOf', 'ping.service')]);
    const running = cluster.running();
    expect(running['ping.service']).toHaveLength(1);
    expect(running['pong.service']).toEqual(running['ping.service']);
  });

  it('apart', async () => {
    for (const index of [1, 2, 3, 4]) await cluster.startUnit(`web@${index}.service`, [fleet('Conflicts', 'web@*.service')]);
    expect(cluster.running()).toEqual({ 'web@1.service': ['m1'], 'web@2.service': ['m2'], 'web@3.service': ['m3'] });
  });

  it('only where the metadata fits', async () => {
    await cluster.startUnit('a.service', [fleet('MachineMetadata', 'region=asia')]);
    expect(cluster.running()).toEqual({ 'a.service': ['m3'] });
  });

  it('replaces, moving the replaced unit and starting it elsewhere only after it has stopped', async () => {
    await cluster.startUnit('old.service', [fleet('MachineMetadata', 'region=us'), fleet('MachineMetadata', 'region=eu')]);
    expect(cluster.running()).toEqual({ 'old.service': ['m1'] });
    await cluster.startUnit('new.service', [fleet('Replaces', 'old.service'), fleet('MachineMetadata', 'region=us')]);
    await cluster.pass(5000);
    expect(cluster.running()).toEqual({ 'new.service': ['m1'], 'old.service': ['m2'] });
  });
});

describe('lifecycle', () => {
  it('answers 503 until the machine is registered, and says why', async () => {
    const { id: lease } = await cluster.store.grantLease(20_000);
    await cluster.store.transaction({ compare: [], operations: [{ kind: 'put', key: '/_coreos.com/fleet/machines/m1', value: JSON.stringify({ bootId: 'x', sessionId: 'other', address: '', metadata: {}, version: '1', capabilities: {} }), lease }] });
    const { daemon } = await cluster.start('m1');
    expect(daemon.status()).toMatchObject({ available: false, agent: { presence: { kind: 'duplicate' } } });
    const refused = await cluster.api('m1', 'GET', '/fleet/v1/machines');
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 503, message: 'fleet server unable to communicate with etcd' } } });
    await cluster.pass(30_000);
    expect(daemon.status().available).toBe(true);
    expect((await cluster.api('m1', 'GET', '/fleet/v1/machines')).status).toBe(200);
  });

  it('kill -9 and restart of any daemon moves nothing and restarts nothing', async () => {
    await three();
    for (const unit of ['a', 'b', 'c']) await cluster.startUnit(`${unit}.service`);
    const before = cluster.running();
    for (const name of ['m1', 'm2', 'm3']) {
      await cluster.kill(name);
      await cluster.pass(5000);
      await cluster.start(name, cluster.life(name).metadata);
      await cluster.pass(40_000);
    }
    expect(cluster.running()).toEqual(before);
    for (const [unit, machine] of [['a', 'm1'], ['b', 'm2'], ['c', 'm3']] as const) expect(cluster.life(machine).systemd.control.startsOf(`${unit}.service`)).toBe(1);
  });

  it('TERM hands the units over and leaves the cluster', async () => {
    await three();
    for (const unit of ['a', 'b', 'c']) await cluster.startUnit(`${unit}.service`);
    await cluster.stop('m1');
    await cluster.settle();
    await cluster.pass(3000);
    expect(Object.values(cluster.running()).flat().sort()).toEqual(['m2', 'm2', 'm3']);
    const machines = await cluster.api('m2', 'GET', '/fleet/v1/machines');
    expect((machines.body as { machines: { id: string }[] }).machines.map(({ id }) => id)).toEqual(['m2', 'm3']);
  });

  it('shutdown=keep leaves units and lease for the next daemon', async () => {
    await cluster.start('m1', {}, { shutdown: 'keep' });
    await cluster.startUnit('a.service');
    await cluster.stop('m1');
    expect(cluster.running()).toEqual({ 'a.service': ['m1'] });
    await cluster.start('m1');
    expect(cluster.life('m1').systemd.control.startsOf('a.service')).toBe(1);
  });

  it('a machine that was off comes back empty and takes part again', async () => {
    await three();
    await cluster.startUnit('a.service');
    await cluster.powerOff('m1');
    await cluster.pass(cluster.ttlMs + 11_000);
    expect(cluster.running()).toEqual({ 'a.service': ['m2'] });
    await cluster.start('m1');
    await cluster.startUnit('b.service', [], 'launched', 'm2');
    expect(cluster.running()).toEqual({ 'a.service': ['m2'], 'b.service': ['m1'] });
  });

  it('reload publishes new metadata in place', async () => {
    const { daemon } = await cluster.start('m1', { region: 'us' });
    await cluster.startUnit('a.service', [fleet('MachineMetadata', 'region=eu')]);
    expect(cluster.running()).toEqual({});
    daemon.reload({ publicIp: '10.1.2.3', metadata: { region: 'eu' }, onLeaseLoss: 'keep', shutdown: 'keep' });
    await cluster.settle();
    expect(cluster.running()).toEqual({ 'a.service': ['m1'] });
    const machines = await cluster.api('m1', 'GET', '/fleet/v1/machines');
    expect(machines.body).toMatchObject({ machines: [{ id: 'm1', primaryIP: '10.1.2.3', metadata: { region: 'eu' } }] });
  });

  it('the API shows who leads and a paused evacuation, and takes the confirmation on the leader', async () => {
    for (const name of ['m1', 'm2', 'm3', 'm4', 'm5']) await cluster.start(name);
    for (const unit of ['a', 'b', 'c', 'd', 'e']) await cluster.startUnit(`${unit}.service`);
    const leader = ['m1', 'm2', 'm3', 'm4', 'm5'].find((name) => cluster.life(name).daemon.status().engine?.leading === true) ?? '';
    const [other = '', ...lost] = ['m1', 'm2', 'm3', 'm4', 'm5'].filter((name) => name !== leader);
    expect((await cluster.api(leader, 'GET', '/fleet/v2/engine')).body).toMatchObject({ leader, leads: true, evacuationPaused: null });
    expect((await cluster.api(other, 'GET', '/fleet/v2/engine')).body).toMatchObject({ leader, leads: false, evacuationPaused: null });
    expect(await cluster.api(leader, 'POST', '/fleet/v2/engine:confirm-evacuation')).toMatchObject({ status: 409, body: { error: { name: 'EVACUATION_NOT_PAUSED' } } });

    for (const name of lost) await cluster.powerOff(name);
    await cluster.pass(cluster.ttlMs + 2000);
    expect((await cluster.api(leader, 'GET', '/fleet/v2/engine')).body).toMatchObject({ leads: true, evacuationPaused: { vanished: 3, known: 5 } });
    expect(await cluster.api(other, 'POST', '/fleet/v2/engine:confirm-evacuation')).toMatchObject({ status: 409, body: { error: { name: 'NOT_LEADER' } } });
    expect((await cluster.api(leader, 'POST', '/fleet/v2/engine:confirm-evacuation')).status).toBe(204);
    await cluster.settle();
    await cluster.pass(2000);
    expect((await cluster.api(leader, 'GET', '/fleet/v2/engine')).body).toMatchObject({ evacuationPaused: null });
    expect(Object.values(cluster.running()).flat()).toHaveLength(5);
  });

  it('a daemon without engine never leads', async () => {
    await cluster.start('m1', {}, { disableEngine: true });
    await cluster.startUnit('a.service');
    await cluster.pass(30_000);
    expect(cluster.running()).toEqual({});
    await cluster.start('m2');
    await cluster.settle();
    expect(cluster.running()).toEqual({ 'a.service': ['m1'] });
  });
});
