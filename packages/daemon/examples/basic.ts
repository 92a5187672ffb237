import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDaemon, createVolatileMemory, DEFAULT_DAEMON_CONFIG } from '@fleet/daemon';
import type { MachineId } from '@fleet/model';
import { createMemoryStore } from '@fleet/registry/embedded';
import { shutdownReason, silentLogger, systemClock } from '@fleet/runtime';
import { createMemorySystemd } from '@fleet/systemd/memory';

// A cluster of three machines in one process: three daemons share a store, each has a systemd of its own.
const directory = mkdtempSync(join(tmpdir(), 'fleet-daemon-'));
const store = createMemoryStore();
const ending = new AbortController();
const daemons = ['one', 'two', 'three'].map((name) =>
  createDaemon(
    { ...DEFAULT_DAEMON_CONFIG, version: '1.0.0', machine: name as MachineId, bootId: 'boot', metadata: { name }, listeners: [{ kind: 'unix', path: join(directory, `${name}.sock`) }] },
    { store, manager: createMemorySystemd({ clock: systemClock }), memory: createVolatileMemory(), clock: systemClock, logger: silentLogger },
  ),
);
const running = daemons.map((daemon) => daemon.run(ending.signal));
await Promise.all(
  daemons.map(
    (daemon) =>
      new Promise<void>((resolve) => {
        daemon.onChange(() => {
          if (daemon.status().available) resolve();
        });
      }),
  ),
);

const text = await new Promise<string>((resolve) => {
  request({ socketPath: join(directory, 'one.sock'), path: '/fleet/v1/machines' }, (response) => {
    let body = '';
    response.on('data', (chunk: Buffer) => (body += chunk.toString()));
    response.on('end', () => resolve(body));
  }).end();
});
console.log((JSON.parse(text) as { machines: { id: string }[] }).machines.map(({ id }) => id).join(' '));

ending.abort(shutdownReason);
await Promise.all(running);
await store[Symbol.asyncDispose]();
rmSync(directory, { recursive: true });
