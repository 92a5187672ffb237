import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDaemon, createVolatileMemory, DEFAULT_DAEMON_CONFIG } from '@fleet/daemon';
import type { MachineId } from '@fleet/model';
import { createMemoryStore } from '@fleet/registry/embedded';
import { shutdownReason, silentLogger, systemClock } from '@fleet/runtime';
import { createMemorySystemd } from '@fleet/systemd/memory';

// How long units take from the request to active, through API, engine and agents of three machines in one process, on a store
// in memory and a systemd that costs nothing: what is measured is fleet alone.

const directory = mkdtempSync(join(tmpdir(), 'fleet-bench-'));
const store = createMemoryStore();
const ending = new AbortController();
const machines = ['one', 'two', 'three'].map((name) => {
  const systemd = createMemorySystemd({ clock: systemClock });
  const daemon = createDaemon(
    { ...DEFAULT_DAEMON_CONFIG, version: '1.0.0', machine: name as MachineId, bootId: 'boot', listeners: [{ kind: 'unix', path: join(directory, `${name}.sock`) }] },
    { store, manager: systemd, memory: createVolatileMemory(), clock: systemClock, logger: silentLogger },
  );
  return { systemd, daemon, done: daemon.run(ending.signal) };
});
const count = (): number => machines.reduce((sum, { systemd }) => sum + systemd.control.running().length, 0);
const until = async (what: string, probe: () => boolean): Promise<void> => {
  const deadline = performance.now() + 120_000;
  while (!probe()) {
    if (performance.now() > deadline) throw new Error(`timed out: ${what}, ${String(count())} running`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};
const send = async (method: string, name: string, body?: unknown): Promise<void> => {
  await new Promise<void>((resolve, reject) => {
    request({ socketPath: join(directory, 'one.sock'), method, path: `/fleet/v1/units/${name}`, headers: { 'Content-Type': 'application/json' } }, (response) => {
      response.resume();
      response.on('end', () => {
        if ((response.statusCode ?? 500) < 300) resolve();
        else reject(new Error(`${method} ${name}: ${String(response.statusCode)}`));
      });
    })
      .on('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
};
const unit = { desiredState: 'launched', options: [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep infinity' }] };

await until('the cluster', () => machines.every(({ daemon }) => daemon.status().available && daemon.status().agent.ready) && machines.some(({ daemon }) => daemon.status().engine?.leading === true));
const single: number[] = [];
for (let index = 0; index < 50; index += 1) {
  const startedAt = performance.now();
  await send('PUT', `single${index}.service`, unit);
  await until('one unit', () => count() === index + 1);
  single.push(performance.now() - startedAt);
}
single.sort((a, b) => a - b);
console.log(`one unit, request to active: p50 ${single[25]?.toFixed(1)} ms, worst ${single.at(-1)?.toFixed(1)} ms`);
for (const size of [100, 500, 2000]) {
  const before = count();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  for (let done = 0; done < size; done += 50) await Promise.all(Array.from({ length: Math.min(50, size - done) }, (_, index) => send('PUT', `bulk${size}-${done + index}.service`, unit)));
  await until(`${size} units`, () => count() === before + size);
  const active = performance.now() - startedAt;
  const destroyedAt = performance.now();
  for (let done = 0; done < size; done += 50) await Promise.all(Array.from({ length: Math.min(50, size - done) }, (_, index) => send('DELETE', `bulk${size}-${done + index}.service`)));
  await until(`${size} units gone`, () => count() === before);
  const used = process.cpuUsage(cpu);
  console.log(`${size} units: active after ${active.toFixed(0)} ms, destroyed after ${(performance.now() - destroyedAt).toFixed(0)} ms; ${((used.user + used.system) / 1000 / size / 2).toFixed(2)} ms of CPU each`);
}
ending.abort(shutdownReason);
await Promise.all(machines.map(({ done }) => done));
await store[Symbol.asyncDispose]();
rmSync(directory, { recursive: true });
