// The six patterns of the product, and what goes with them: one unit anywhere, everywhere, together, apart, by metadata, by
// machine; templates. (Rescheduling after a failure: failures.test.ts.)
import { expect } from '@jest/globals';
import { activeCounts, clusterKind, describeScenarios, expectSoon, expectThroughout, fixture, fleetctl, machineNamed, placement, rows, scenario, whereActive } from '../src/scenario.ts';

describeScenarios('scheduling on three machines', { machines: 3 }, (cluster) => {
  scenario('hello.service starts on one of three machines and is shown with it', async () => {
    const out = await fleetctl(cluster(), 'start', fixture('hello.service'));
    expect(out).toMatch(/^Unit hello\.service launched on [0-9a-f]{8}\.\.\.(\/\S+)?$/m);
    await expectSoon(async () => (await whereActive(cluster(), 'hello.service')).length, 1);
    const [where] = await whereActive(cluster(), 'hello.service');
    const { id } = machineNamed(cluster(), where);
    await expectSoon(() => rows(cluster(), 'list-units', '--fields=unit,active,sub,machine'), [['hello.service', 'active', 'running', expect.stringContaining(id) as unknown as string]]);
    expect(await rows(cluster(), 'list-unit-files', '--fields=unit,dstate,state')).toEqual([['hello.service', 'launched', 'launched']]);
    expect((await rows(cluster(), 'list-machines')).map(([machine]) => machine).sort()).toEqual(cluster().machines.map((machine) => machine.id).sort());
  });

  scenario('a global unit runs on every machine (F21)', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'), fixture('goodbye.service'));
    await fleetctl(cluster(), 'start', '--no-block', fixture('global.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1, 'goodbye.service': 1, 'global.service': 3 });
    expect(await rows(cluster(), 'list-unit-files', '--fields=unit,global')).toContainEqual(['global.service', 'true']);
    expect(await fleetctl(cluster(), 'restart', fixture('global.service'))).toBe('Unit global.service loaded\nUnit global.service launched\n');
    expect(await activeCounts(cluster())).toEqual({ 'hello.service': 1, 'goodbye.service': 1, 'global.service': 3 });
  });

  scenario('a global unit comes to a machine that joins', async () => {
    await fleetctl(cluster(), 'start', '--no-block', fixture('global.service'));
    await expectSoon(() => activeCounts(cluster()), { 'global.service': 3 });
    const machine = await cluster().addMachine();
    await expectSoon(() => activeCounts(cluster()), { 'global.service': 4 });
    await machine.stopDaemon();
    await expectSoon(async () => (await rows(cluster(), 'list-machines')).length, 3);
    await expectSoon(() => activeCounts(cluster()), { 'global.service': 3 });
  });

  scenario('conflicting global units keep to the first (F22)', async () => {
    await fleetctl(cluster(), 'start', '--no-block', fixture('conflict-global.0.service'));
    await expectSoon(() => activeCounts(cluster()), { 'conflict-global.0.service': 3 });
    await fleetctl(cluster(), 'start', '--no-block', fixture('conflict-global.1.service'));
    await expectThroughout(() => activeCounts(cluster()), { 'conflict-global.0.service': 3 }, 1_500);
  });

  scenario('MachineOf keeps units together', async () => {
    await fleetctl(cluster(), 'start', '--no-block', ...[1, 2, 3].flatMap((n) => [fixture(`ping.${n}.service`), fixture(`pong.${n}.service`)]));
    await expectSoon(async () => Object.keys(await placement(cluster())).length, 6);
    const places = await placement(cluster());
    for (const n of [1, 2, 3]) expect(places[`pong.${n}.service`]).toBe(places[`ping.${n}.service`]);
    // Three pairs on three empty machines spread by load.
    expect(new Set(Object.values(places)).size).toBe(3);
  });

  scenario('Conflicts keeps units apart, and one too many waits (F15)', async () => {
    const names = [0, 1, 2, 3, 4].map((n) => `conflict.${n}.service`);
    await fleetctl(cluster(), 'start', '--no-block', ...names.map(fixture));
    await expectSoon(async () => Object.keys(await placement(cluster())).length, 3);
    await expectThroughout(async () => Object.keys(await placement(cluster())).length, 3, 1_000);
    expect(new Set(Object.values(await placement(cluster()))).size).toBe(3);
    expect((await rows(cluster(), 'list-unit-files', '--fields=unit')).length).toBe(5);
    // One that leaves makes room for one that waits.
    const [running] = Object.keys(await placement(cluster()));
    await fleetctl(cluster(), 'destroy', running!);
    await expectSoon(async () => {
      const now = Object.keys(await placement(cluster()));
      return [now.length, now.includes(running!)];
    }, [3, false]);
  });

  scenario('several Conflicts in one line or in several lines (F17)', async () => {
    await fleetctl(cluster(), 'start', '--no-block', ...[0, 1, 2].map((n) => fixture(`conflict.multiple.${n}.service`)));
    await expectSoon(async () => new Set(Object.values(await placement(cluster()))).size, 3);
    expect(Object.keys(await placement(cluster())).length).toBe(3);
  });

  scenario('MachineMetadata chooses the machine (F23)', async () => {
    await fleetctl(cluster(), 'submit', fixture('metadata@.service'));
    const names = ['m3', 'm2', 'm1'];
    for (const name of names) await fleetctl(cluster(), 'start', `metadata@${name}.service`);
    await expectSoon(() => placement(cluster()), { 'metadata@m1.service': 'm1', 'metadata@m2.service': 'm2', 'metadata@m3.service': 'm3' });
    const { code, stdout, stderr } = await cluster().fleetctl(['start', '--block-attempts=2', 'metadata@invalid.service']);
    expect({ code, said: stdout + stderr }).toEqual({ code: 1, said: expect.stringContaining('metadata@invalid.service') });
  });

  scenario('MachineID chooses the machine, by its whole id or its first eight digits (F20)', async () => {
    const [first, second] = cluster().machines;
    await fleetctl(cluster(), 'submit', fixture('pin@.service'));
    await fleetctl(cluster(), 'start', `pin@${first!.id}.service`, `pin@${second!.id.slice(0, 8)}.service`);
    await expectSoon(() => placement(cluster()), { [`pin@${first!.id}.service`]: first!.name, [`pin@${second!.id.slice(0, 8)}.service`]: second!.name });
  });

  scenario('instances of one template run beside each other', async () => {
    const names = [1, 2, 3, 4, 5, 6].map((n) => `hello@${n}.service`);
    await fleetctl(cluster(), 'start', ...names.map(fixture));
    await expectSoon(async () => Object.keys(await placement(cluster())).sort(), names);
    // Spread by load: two on each machine.
    const perMachine = Object.values(await placement(cluster())).reduce<Record<string, number>>((sum, name) => ({ ...sum, [name]: (sum[name] ?? 0) + 1 }), {});
    expect(perMachine).toEqual({ m1: 2, m2: 2, m3: 2 });
  });

  scenario('stop, start, unload and destroy carry a unit through its states', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(async () => (await whereActive(cluster(), 'hello.service')).length, 1);
    await fleetctl(cluster(), 'stop', 'hello.service');
    await expectSoon(() => activeCounts(cluster()), {});
    await expectSoon(() => rows(cluster(), 'list-unit-files', '--fields=dstate,state'), [['loaded', 'loaded']]);
    await fleetctl(cluster(), 'start', 'hello.service');
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
    await fleetctl(cluster(), 'unload', 'hello.service');
    await expectSoon(() => rows(cluster(), 'list-unit-files', '--fields=dstate,state'), [['inactive', 'inactive']]);
    await expectSoon(() => rows(cluster(), 'list-units'), []);
    await fleetctl(cluster(), 'destroy', 'hello.service');
    await expectSoon(() => rows(cluster(), 'list-unit-files'), []);
  });

  scenario('the unit is active in the systemd of its machine, from a file linked into place', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(async () => (await whereActive(cluster(), 'hello.service')).length, 1);
    const [where] = await whereActive(cluster(), 'hello.service');
    const found = (await machineNamed(cluster(), where).units()).find(({ name }) => name === 'hello.service');
    expect(found).toMatchObject({ load: 'loaded', active: 'active', sub: 'running' });
    if (clusterKind === 'real') expect(found?.run).toMatch(/^[0-9a-f]{32}$/);
  });
});
