import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiServer } from '@fleet/api-server';
import { createFleetClient, systemErrorText, type FleetClient } from '@fleet/api-client/fast';
import { createRegistry } from '@fleet/registry';
import { createEtcdStore } from '@fleet/registry/etcd';
import { FleetError, silentLogger, systemClock } from '@fleet/runtime';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { DEFAULT_ENDPOINT } from '../definitions/globals.ts';
import { olderVersionWarning } from './version-warning.ts';

const DEFAULT_STORE = 'http://127.0.0.1:2379';

export interface StoreTlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * `--driver=etcd`: the daemon's own API served in this process, over the store, to nobody but this client. So every check and every answer is the
 * daemon's, and nothing is done twice.
 *
 * @throws FleetError when the endpoints or files make no sense
 */
export async function connectToStore(flags: Flags, context: Context, files: StoreTlsFiles): Promise<FleetClient> {
  const endpoint = flags.text('endpoint');
  const timeoutMs = flags.number('request-timeout') * 1000;
  const store = createEtcdStore({
    endpoints: (endpoint === DEFAULT_ENDPOINT || endpoint === '' ? DEFAULT_STORE : endpoint).split(','),
    tls: { ca: readPem(files.caFile), cert: readPem(files.certFile), key: readPem(files.keyFile) },
    requestTimeoutMs: timeoutMs,
  });
  const registry = createRegistry(store, { prefix: flags.text('etcd-key-prefix'), clock: systemClock, logger: silentLogger });
  const server = createApiServer({
    registry,
    version: context.version.replace(/^v/, ''),
    clock: systemClock,
    logger: silentLogger,
    availability: { available: () => true },
    readTimeoutMs: timeoutMs,
    closeTimeoutMs: 100,
  });
  // In a folder that only this user can enter.
  const folder = mkdtempSync(join(tmpdir(), 'fleetctl-'));
  const socket = join(folder, 'api.sock');
  const ending = new AbortController();
  const close = async (): Promise<void> => {
    ending.abort(new FleetError('the client was closed', { code: 'CLOSED', kind: 'unavailable' }));
    await server.close().catch(() => undefined);
    await store[Symbol.asyncDispose]().catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await server.listen([{ kind: 'unix', path: socket, mode: 0o600 }]);
  } catch (error) {
    await close();
    throw error;
  }
  server.run(ending.signal).catch(() => undefined);
  const client = createFleetClient({ connection: { endpoint: `unix://${socket}` } });
  const closeAll = (): void => {
    client.close();
    void close();
  };
  // The client's own members stay live: `legacy` is a getter.
  const closing: FleetClient = Object.create(client, { close: { value: closeAll }, [Symbol.dispose]: { value: closeAll } }) as FleetClient;
  try {
    const { machines } = await client.listMachines({}, { signal: context.signal });
    const warning = olderVersionWarning(context.version, machines.map((machine) => machine.version));
    if (warning !== undefined) context.stderr.write(warning);
  } catch {
    // Only a courtesy: what is wrong, the command's own request will say.
  }
  return closing;
}

function readPem(file: string): string | undefined {
  if (file === '') return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new FleetError(`open ${file}: ${systemErrorText(error)}`, { code: 'INVALID_TLS_FILE', kind: 'invalid', cause: error });
  }
}
