import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { createHttpApi } from './http-for-tests.ts';
import { createInProcessCluster } from './in-process-cluster.ts';

const unit = { desiredState: 'launched', options: [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 1000' }] };

describe('a cluster in one process', () => {
  it('runs a unit on one machine, moves it when the power of that machine goes, and leaves nothing behind', async () => {
    const cluster = await createInProcessCluster({ machines: 3, agentTtlMs: 1_000, version: '0.0.0' });
    const [first] = cluster.machines;
    expect((await createHttpApi(first!.socketPath).put('/fleet/v1/units/a.service', unit)).status).toBe(201);
    const where = () => waitUntil('the unit to run', async () => {
      for (const machine of cluster.machines) if (machine.running && (await machine.units()).some(({ active }) => active === 'active')) return machine;
      return undefined;
    });
    const victim = await where();
    await victim.powerCut();
    expect(victim.running).toBe(false);
    expect((await where()).name).not.toBe(victim.name);
    await victim.boot();
    await cluster[Symbol.asyncDispose]();
    expect(existsSync(cluster.directory)).toBe(false);
  });

  it('keeps a unit running while its daemon is killed and started again', async () => {
    await using cluster = await createInProcessCluster({ machines: 1, agentTtlMs: 1_000, version: '0.0.0' });
    const [machine] = cluster.machines;
    await createHttpApi(machine!.socketPath).put('/fleet/v1/units/a.service', unit);
    const run = async (): Promise<string | undefined> => (await machine!.units()).find(({ active }) => active === 'active')?.run;
    const before = await waitUntil('the unit to run', run);
    await machine!.killDaemon();
    expect(await run()).toBe(before);
    await machine!.startDaemon();
    expect(await run()).toBe(before);
  });
});
