// Serves an empty registry in memory on the sockets that systemd passed, until SIGTERM:
// systemd-socket-activate -l 8080 node systemd-sockets.ts
import { createApiServer, systemdListeners } from '@fleet/api-server';
import { createRegistry } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { createLogger, shutdownReason, silentLogger, systemClock } from '@fleet/runtime';

const logger = createLogger({ level: () => 'info', format: 'text', write: (line) => console.error(line) });
await using store = createMemoryStore();
await using server = createApiServer({
  registry: createRegistry(store, { clock: systemClock, logger: silentLogger }),
  version: 'v1.0.0',
  clock: systemClock,
  logger,
  availability: { available: () => true },
});
// Under `node --watch` and the like the process id of LISTEN_PID is another one; a real service is its own main process.
const passed = systemdListeners(process.env, process.pid);
await server.listen(passed);
const end = new AbortController();
process.once('SIGTERM', () => {
  end.abort(shutdownReason);
});
await server.run(end.signal);
