// The life of units on one machine: the original's functional tests F1 to F12 and those of the client that need no SSH.
import { expect } from '@jest/globals';
import { activeCounts, describeScenarios, expectSoon, expectThroughout, fixture, fleetctl, rows, scenario, unitFileNames } from '../src/scenario.ts';
import type { Cluster } from '../src/cluster.ts';

const instances = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `hello@${index + 1}.service`);
const counted = (names: readonly string[]): Readonly<Record<string, number>> => Object.fromEntries(names.map((name) => [name, 1]));

describeScenarios('units on one machine', { machines: 1 }, (cluster) => {
  scenario('start runs a unit (F1)', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
  });

  scenario('submit and destroy, twice (F2)', async () => {
    const names = instances(9);
    for (let round = 0; round < 2; round++) {
      await fleetctl(cluster(), 'submit', ...names.map(fixture));
      await expectSoon(() => unitFileNames(cluster()), names);
      await fleetctl(cluster(), 'destroy', ...names);
      await expectSoon(() => unitFileNames(cluster()), []);
    }
  });

  scenario('load and unload, twice (F3)', async () => {
    const names = instances(6);
    for (let round = 0; round < 2; round++) {
      await fleetctl(cluster(), 'load', ...names.map(fixture));
      await expectSoon(async () => (await rows(cluster(), 'list-units')).length, 6);
      await fleetctl(cluster(), 'unload', ...names);
      await expectSoon(() => rows(cluster(), 'list-units'), []);
    }
  });

  scenario('start and stop, twice (F4)', async () => {
    const names = instances(3);
    for (let round = 0; round < 2; round++) {
      await fleetctl(cluster(), 'start', ...names.map(fixture));
      await expectSoon(() => activeCounts(cluster()), counted(names));
      await fleetctl(cluster(), 'stop', ...names);
      await expectSoon(() => activeCounts(cluster()), {});
    }
  });

  for (const [id, command, count] of [
    ['F5', 'submit', 9],
    ['F6', 'load', 6],
    ['F7', 'start', 3],
  ] as const) {
    scenario(`${command} --replace takes the changed file (${id})`, async () => {
      const names = instances(count);
      const paths = await writeAll(cluster(), names, 'first');
      await fleetctl(cluster(), command, ...paths);
      const before = await catAll(cluster(), names);
      await writeAll(cluster(), names, 'second');
      for (const path of paths) expect((await cluster().fleetctl([command, '--replace', path])).code).toBe(0);
      expect((await unitFileNames(cluster())).length).toBe(count);
      const after = await catAll(cluster(), names);
      for (const [index, text] of after.entries()) {
        expect(text).toContain('second');
        expect(text).not.toBe(before[index]);
      }
      if (command === 'start') await expectSoon(() => activeCounts(cluster()), counted(names));
    });
  }

  scenario('restart brings units back under a new run (F8)', async () => {
    const names = instances(3);
    await fleetctl(cluster(), 'start', ...names.map(fixture));
    for (let round = 0; round < 2; round++) {
      await expectSoon(() => activeCounts(cluster()), counted(names));
      const before = await cluster().machines[0]!.units();
      expect((await cluster().fleetctl(['restart', ...names])).code).toBe(0);
      await expectSoon(() => activeCounts(cluster()), counted(names));
      const after = await cluster().machines[0]!.units();
      for (const [index, unit] of after.entries()) expect(unit.run).not.toBe(before[index]?.run);
      await fleetctl(cluster(), 'stop', ...names);
      await expectSoon(() => activeCounts(cluster()), {});
      await fleetctl(cluster(), 'start', ...names);
    }
  });

  scenario('cat gives the text that was submitted (F10)', async () => {
    const text = '[Unit]\nDescription=as written\n\n[Service]\nExecStart=/bin/sleep 1d\n';
    await fleetctl(cluster(), 'submit', await cluster().writeUnit('written.service', text));
    expect((await fleetctl(cluster(), 'cat', 'written.service')).trim()).toBe(text.trim());
  });

  scenario('list-unit-files is sorted (F12)', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `hello@${String(index + 1).padStart(2, '0')}.service`);
    await fleetctl(cluster(), 'submit', ...[...names].reverse().map(fixture));
    expect(await unitFileNames(cluster())).toEqual(names);
  });

  scenario('of two conflicting units the first stays, and the other follows when it is gone (F16)', async () => {
    await fleetctl(cluster(), 'start', fixture('conflicts-with-hello.service'));
    await expectSoon(() => activeCounts(cluster()), { 'conflicts-with-hello.service': 1 });
    await fleetctl(cluster(), 'start', '--no-block', fixture('hello.service'));
    await expectThroughout(() => activeCounts(cluster()), { 'conflicts-with-hello.service': 1 }, 1_500);
    await fleetctl(cluster(), 'destroy', 'conflicts-with-hello.service');
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
  });

  scenario('a unit that ended stays ended until somebody starts it again', async () => {
    const path = await cluster().writeUnit('short.service', '[Service]\nExecStart=/bin/true\n');
    await fleetctl(cluster(), 'start', '--no-block', path);
    const sub = async (): Promise<string | undefined> => (await rows(cluster(), 'list-units', '--fields=unit,active,sub')).find(([unit]) => unit === 'short.service')?.[2];
    await expectSoon(sub, 'dead');
    const { run } = (await cluster().machines[0]!.units()).find(({ name }) => name === 'short.service')!;
    await cluster().machines[0]!.killDaemon();
    await cluster().machines[0]!.startDaemon();
    await expectSoon(sub, 'dead');
    expect((await cluster().machines[0]!.units()).find(({ name }) => name === 'short.service')?.run).toBe(run);
  });

  scenario('a file that cannot be read as a unit is refused by name, and nothing is stored', async () => {
    const path = await cluster().writeUnit('broken.service', '[Service\nExecStart=/bin/true\n');
    const { code, stderr } = await cluster().fleetctl(['start', path]);
    expect(code).toBe(1);
    expect(stderr).toContain('broken.service');
    expect(await unitFileNames(cluster())).toEqual([]);
  });

  scenario('the client says its version and gives help (F40, F41, F42)', async () => {
    const version = await fleetctl(cluster(), 'version');
    expect(version).toMatch(/^fleetctl version v?\d+\.\d+\.\d+/);
    for (const args of [['--help'], ['-h'], ['help'], []]) {
      const { code, stdout } = await cluster().fleetctl(args);
      expect({ args, code, length: stdout.length > 100 }).toEqual({ args, code: 0, length: true });
    }
    expect(await fleetctl(cluster(), 'help')).toContain(/v?\d+\.\d+\.\d+/.exec(version)![0]);
  });
});

async function writeAll(cluster: Cluster, names: readonly string[], word: string): Promise<readonly string[]> {
  return Promise.all(names.map((name) => cluster.writeUnit(name, `[Service]\nExecStart=/bin/sh -c "while true; do echo ${word} ${name}; sleep 1; done"\n`)));
}

async function catAll(cluster: Cluster, names: readonly string[]): Promise<readonly string[]> {
  return Promise.all(names.map((name) => fleetctl(cluster, 'cat', name)));
}
