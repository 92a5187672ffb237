// Replaces between two machines (F18, F19), the machines of the API (F32 to F36), and leaving a cluster of two (F30).
import { expect } from '@jest/globals';
import { activeCounts, describeScenarios, expectSoon, expectThroughout, fixture, fleetctl, machineNamed, placement, rows, scenario } from '../src/scenario.ts';
import type { HttpAnswer } from '../src/cluster.ts';

interface MachinePage {
  readonly machines: readonly { readonly id: string; readonly primaryIP?: string; readonly metadata?: Readonly<Record<string, string>> }[];
}

const isJson = (answer: HttpAnswer): boolean => String(answer.headers['content-type']).startsWith('application/json');

describeScenarios('two machines', { machines: 2 }, (cluster) => {
  scenario('Replaces moves the other unit away and takes its place (F18)', async () => {
    await fleetctl(cluster(), 'start', fixture('replace.0.service'));
    await expectSoon(async () => Object.keys(await placement(cluster())), ['replace.0.service']);
    await fleetctl(cluster(), 'start', fixture('replace.1.service'), fixture('replace.2.service'));
    await expectSoon(async () => Object.keys(await placement(cluster())).length, 3);
    const before = await placement(cluster());
    expect(before['replace.2.service']).toBe(before['replace.1.service']);
    expect(before['replace.1.service']).not.toBe(before['replace.0.service']);

    await fleetctl(cluster(), 'start', '--no-block', fixture('replace-kick0.service'));
    await expectSoon(() => placement(cluster()), {
      'replace-kick0.service': before['replace.0.service']!,
      'replace.0.service': before['replace.1.service']!,
      'replace.1.service': before['replace.1.service']!,
      'replace.2.service': before['replace.1.service']!,
    });
  });

  scenario('units that replace each other settle (F19)', async () => {
    await fleetctl(cluster(), 'start', fixture('circular.1.service'));
    await fleetctl(cluster(), 'start', '--no-block', fixture('circular.2.service'));
    expect((await rows(cluster(), 'list-unit-files')).length).toBe(2);
    await expectSoon(() => activeCounts(cluster()), { 'circular.1.service': 1, 'circular.2.service': 1 });
    const settled = await placement(cluster());
    await expectThroughout(() => placement(cluster()), settled, 1_500);
  });

  scenario('the API lists machines and refuses a foreign page token (F32, F33)', async () => {
    const [machine] = cluster().machines;
    const listed = await machine!.request({ method: 'GET', path: '/fleet/v1/machines' });
    expect([listed.status, isJson(listed)]).toEqual([200, true]);
    expect((JSON.parse(listed.body) as MachinePage).machines.map(({ id }) => id).sort()).toEqual(cluster().machines.map(({ id }) => id).sort());
    const refused = await machine!.request({ method: 'GET', path: '/fleet/v1/machines?nextPageToken=nonsense' });
    expect([refused.status, isJson(refused)]).toEqual([400, true]);
  });

  scenario('dynamic metadata is added, changed and removed (F34, F35)', async () => {
    const [first, second] = cluster().machines;
    const patch = (operations: readonly unknown[]): Promise<HttpAnswer> => first!.request({ method: 'PATCH', path: '/fleet/v1/machines', body: operations });
    const metadata = async (id: string): Promise<unknown> => {
      const { body } = await second!.request({ method: 'GET', path: '/fleet/v1/machines' });
      return (JSON.parse(body) as MachinePage).machines.find((machine) => machine.id === id)?.metadata;
    };
    const changed = await patch([
      { op: 'add', path: `/${first!.id}/metadata/foo`, value: 'bar' },
      { op: 'replace', path: `/${second!.id}/metadata/ping`, value: 'splat' },
    ]);
    expect(changed.status).toBe(204);
    await expectSoon(() => metadata(first!.id), { hostname: first!.name, foo: 'bar' });
    await expectSoon(() => metadata(second!.id), { hostname: second!.name, ping: 'splat' });
    const removed = await patch([
      { op: 'remove', path: `/${first!.id}/metadata/foo` },
      { op: 'remove', path: `/${second!.id}/metadata/ping` },
      { op: 'remove', path: `/${second!.id}/metadata/never-there` },
    ]);
    expect(removed.status).toBe(204);
    await expectSoon(() => metadata(first!.id), { hostname: first!.name });
    await expectSoon(() => metadata(second!.id), { hostname: second!.name });
  });

  scenario('a unit follows dynamic metadata', async () => {
    const [first, second] = cluster().machines;
    const path = await cluster().writeUnit('eu.service', '[Service]\nExecStart=/bin/sleep 1d\n\n[X-Fleet]\nMachineMetadata=region=eu\n');
    await fleetctl(cluster(), 'start', '--no-block', path);
    await expectThroughout(() => placement(cluster()), {}, 500);
    const set = (op: string, id: string): Promise<HttpAnswer> => first!.request({ method: 'PATCH', path: '/fleet/v1/machines', body: [{ op, path: `/${id}/metadata/region`, value: 'eu' }] });
    await set('add', second!.id);
    await expectSoon(() => placement(cluster()), { 'eu.service': second!.name });
    await set('add', first!.id);
    await set('remove', second!.id);
    await expectSoon(() => placement(cluster()), { 'eu.service': first!.name });
    await set('remove', first!.id);
    await expectSoon(() => placement(cluster()), {});
  });

  for (const [name, operation] of [
    ['an unknown operation', { op: 'noop', path: '/ID/metadata/foo', value: 'bar' }],
    ['a path outside metadata', { op: 'add', path: '/ID/other/foo', value: 'bar' }],
    ['an empty value', { op: 'add', path: '/ID/metadata/foo', value: '' }],
  ] as const) {
    scenario(`a PATCH with ${name} is refused (F36)`, async () => {
      const [machine] = cluster().machines;
      const answer = await machine!.request({ method: 'PATCH', path: '/fleet/v1/machines', body: [{ ...operation, path: operation.path.replace('ID', machine!.id) }] });
      expect([answer.status, isJson(answer)]).toEqual([400, true]);
    });
  }

  scenario('a pinned unit ends with the daemon of its machine and comes back with it (F30)', async () => {
    const [first] = cluster().machines;
    await fleetctl(cluster(), 'submit', fixture('pin@.service'));
    const name = `pin@${first!.id}.service`;
    await fleetctl(cluster(), 'start', name);
    await expectSoon(() => placement(cluster()), { [name]: first!.name });
    const machine = machineNamed(cluster(), first!.name);
    await machine.stopDaemon();
    expect(await machine.activeUnits()).toEqual([]);
    await expectSoon(async () => (await rows(cluster(), 'list-machines')).length, 1);
    await expectSoon(() => rows(cluster(), 'list-units'), []);
    await machine.startDaemon();
    await expectSoon(() => placement(cluster()), { [name]: first!.name });
  });
});
