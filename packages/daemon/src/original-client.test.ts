import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SimulatedCluster } from './testing/simulated-cluster.ts';
import { GoogleApiError, OriginalClient, type OriginalUnit } from './testing/original-client.ts';

// The request sequences of the original's command line and the guarantees it leans on, against daemons with engines and agents.

const POLL_MS = 250;
const options = (value: string, ...more: readonly { readonly section: string; readonly name: string; readonly value: string }[]): NonNullable<OriginalUnit['options']> => [
  { section: 'Unit', name: 'Description', value: 'Hello <1> & "2"' },
  { section: 'Service', name: 'ExecStart', value },
  ...more,
];

let cluster: SimulatedCluster;
let client: OriginalClient;

beforeEach(async () => {
  cluster = new SimulatedCluster();
  await cluster.open();
  for (const name of ['m1', 'm2', 'm3']) await cluster.start(name, {}, { tokenLimit: 2 });
  client = new OriginalClient(cluster.life('m2').socket, async (work) => {
    const progress = { settled: false };
    void work.finally(() => (progress.settled = true)).catch(() => undefined);
    while (!progress.settled) await cluster.clock.advance(1);
    return await work;
  });
});
afterEach(async () => {
  client[Symbol.dispose]();
  await cluster.close();
});

async function poll(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 80; turn += 1) {
    if (await look()) return;
    await cluster.clock.advance(POLL_MS);
  }
  throw new Error(`${what} did not come`);
}

const reaches = async (name: string, state: string): Promise<void> => await poll(`${name} ${state}`, async () => (await client.unit(name))?.currentState === state);

/** submit: unit G (404), unit P (options), unit G. */
async function submit(name: string, unitOptions: OriginalUnit['options']): Promise<void> {
  expect(await client.unit(name)).toBeNull();
  expect(await client.create(name, unitOptions)).toBe(201);
  // Otherwise its creation blocks: the very next answer has to show this.
  const created = await client.unit(name);
  expect(created).toMatchObject({ name, desiredState: 'inactive' });
  if (created?.currentState !== undefined) expect(created.currentState).toBe('inactive');
  // It compares local files by the hash of what it gets back.
  expect(created?.options).toEqual(unitOptions);
}

/** start: [submit] unit G, unit P, unit G …, machines L, state G …. */
async function start(name: string): Promise<void> {
  expect(await client.unit(name)).not.toBeNull();
  expect(await client.setState(name, 'launched')).toBe(204);
  expect((await client.unit(name))?.desiredState).toBe('launched');
  await reaches(name, 'launched');
  const { machineID } = (await client.unit(name)) as OriginalUnit;
  expect((await client.machines()).map(({ id }) => id)).toContain(machineID);
  await poll(`state of ${name}`, async () => {
    try {
      return (await client.state(name)).systemdActiveState === 'active';
    } catch (error) {
      if (error instanceof GoogleApiError && error.code !== 404) return false;
      throw error;
    }
  });
}

describe('the original command line', () => {
  it('submits, starts, stops, starts again, unloads, restarts and destroys', async () => {
    await submit('hello.service', options('/bin/sleep 60'));
    await start('hello.service');
    expect(cluster.running()['hello.service']).toHaveLength(1);

    expect((await client.units()).map(({ name }) => name)).toEqual(['hello.service']);
    expect(await client.setState('hello.service', 'loaded')).toBe(204);
    await reaches('hello.service', 'loaded');
    expect(cluster.running()).toEqual({});
    await start('hello.service');

    // restart: units L, unit G, unit P loaded, unit G …, machines L, unit P launched, unit G …. It waits for launched both times, and
    // first looks when the unit has been stopped.
    await client.units();
    await client.unit('hello.service');
    await client.setState('hello.service', 'loaded');
    await poll('hello.service stopped', () => Promise.resolve(cluster.running()['hello.service'] === undefined));
    await reaches('hello.service', 'launched');
    await client.machines();
    await client.setState('hello.service', 'launched');
    await reaches('hello.service', 'launched');
    await poll('hello.service running', () => Promise.resolve(cluster.running()['hello.service']?.length === 1));

    await client.units();
    await client.setState('hello.service', 'inactive');
    await reaches('hello.service', 'inactive');
    expect(cluster.running()).toEqual({});

    await client.units();
    expect(await client.destroy('hello.service')).toBe(true);
    expect(await client.unit('hello.service')).toBeNull();
    expect(await client.destroy('hello.service')).toBe(false);
    expect(await client.units()).toEqual([]);
  });

  it('instantiates a template, and lists everything page by page', async () => {
    const template = options('/bin/sleep %i', { section: 'X-Fleet', name: 'Conflicts', value: 'web@*.service' });
    await submit('web@.service', template);
    await expect(client.setState('web@.service', 'launched')).rejects.toMatchObject({ code: 400, message: 'cannot activate template "web@.service"' });
    for (const name of ['web@1.service', 'web@2.service', 'web@3.service']) {
      expect(await client.unit(name)).toBeNull();
      const source = await client.unit('web@.service');
      expect(await client.create(name, source?.options)).toBe(201);
      expect((await client.unit(name))?.currentState).toBe('inactive');
      await start(name);
    }
    expect(new Set(Object.values(cluster.running()).flat()).size).toBe(3);
    expect((await client.units()).map(({ name }) => name)).toEqual(['web@.service', 'web@1.service', 'web@2.service', 'web@3.service']);
    const states = await client.states();
    expect(states.map(({ name }) => name)).toEqual(['web@1.service', 'web@2.service', 'web@3.service']);
    // Shorter ones crash it.
    expect(states.every(({ hash }) => hash.length >= 7)).toBe(true);
    expect((await client.machines()).map(({ id }) => id)).toEqual(['m1', 'm2', 'm3']);
  });

  it('starts a global unit, whose single answer has no machine and no current state', async () => {
    await submit('all.service', options('/bin/sleep 60', { section: 'X-Fleet', name: 'Global', value: 'true' }));
    expect(await client.setState('all.service', 'launched')).toBe(204);
    expect(await client.unit('all.service')).toMatchObject({ desiredState: 'launched' });
    expect(await client.unit('all.service')).not.toHaveProperty('currentState');
    await poll('all machines', async () => (await client.states()).filter(({ systemdActiveState }) => systemdActiveState === 'active').length === 3);
    expect((await client.state('all.service')).machineID).toBe('m1');
  });

  it('never meets the 404 of a state that crashes it', async () => {
    await submit('a.service', options('/bin/sleep 60'));
    await expect(client.state('a.service')).rejects.toMatchObject({ code: 503, message: 'unit state does not exist' });
  });

  it.each([
    ['the same file', '/bin/sleep 1'],
    ['another file', '/bin/sleep 2'],
  ])('destroys a running unit and starts %s under its name at once', async (_title, value) => {
    await submit('a.service', options('/bin/sleep 1'));
    for (let round = 0; round < 3; round += 1) {
      await start('a.service');
      await client.setState('a.service', 'loaded');
      await reaches('a.service', 'loaded');
    }
    await start('a.service');
    expect(await client.destroy('a.service')).toBe(true);
    await submit('a.service', options(value));
    await start('a.service');
    expect(cluster.running()['a.service']).toHaveLength(1);
    expect(await client.unit('a.service')).toMatchObject({ currentState: 'launched', options: options(value) });
  });

  it('replaces a unit, which makes it inactive, and starts it again', async () => {
    await submit('a.service', options('/bin/sleep 1'));
    await start('a.service');
    const before = (await client.state('a.service')).hash;
    expect(await client.create('a.service', options('/bin/sleep 2'))).toBe(201);
    expect(await client.unit('a.service')).toMatchObject({ desiredState: 'inactive', options: options('/bin/sleep 2') });
    await reaches('a.service', 'inactive');
    await start('a.service');
    expect(cluster.running()['a.service']).toHaveLength(1);
    expect((await client.state('a.service')).hash).not.toBe(before);
  });
});
