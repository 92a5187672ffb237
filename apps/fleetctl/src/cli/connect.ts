import { createFleetClient, createTransport, type ConnectionOptions, type FleetClient, type Transport } from '@fleet/api-client/fast';
import { FleetError, isFleetError } from '@fleet/runtime';
import { DEFAULT_ENDPOINT } from '../definitions/globals.ts';
import { sshOptions } from '../remote/ssh-options.ts';
import type { Context } from './context.ts';
import type { Flags } from './definition.ts';
import { createFailoverTransport, readEndpoints } from './endpoints.ts';
import { createLog } from './log.ts';

/**
 * Connects to the cluster that the global flags name.
 *
 * @throws FleetError `CLIENT_NOT_INITIALIZED`, in the original's words
 */
export async function connect(flags: Flags, context: Context): Promise<FleetClient> {
  const log = createLog(context, flags);
  try {
    const driver = flags.text('driver');
    if (driver === 'etcd') {
      const { connectToStore } = await import('../store/index.ts');
      return await connectToStore(flags, context, tlsFiles(flags));
    }
    if (driver !== 'API') throw new FleetError(`unrecognized driver ${JSON.stringify(driver)}`, { code: 'UNKNOWN_DRIVER', kind: 'invalid', remedy: 'use API or etcd' });
    const [endpoint = DEFAULT_ENDPOINT, ...others] = readEndpoints(flags.text('endpoint'), DEFAULT_ENDPOINT);
    const connect = (each: string): Transport => createTransport(connectionOptions(flags, context, each));
    const client = createFleetClient({
      connection: createFailoverTransport(connect(endpoint), ...others.map(connect)),
      requestTimeoutMs: flags.isGiven('request-timeout') ? flags.number('request-timeout') * 1000 : undefined,
      onRequest: flags.on('debug') ? (line) => log('DEBUG', line) : undefined,
    });
    if (flags.text('tunnel') !== '') await openTunnel(client, context);
    return client;
  } catch (error) {
    if (!isFleetError(error)) throw error;
    throw new FleetError(`Unable to initialize client: ${error.message}`, { code: 'CLIENT_NOT_INITIALIZED', kind: error.kind, cause: error, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) });
  }
}

/**
 * Asks something small, so that a tunnel that cannot be made fails here, as in the original; the connection stays for what follows. Other failures
 * are for the command to find and word.
 *
 * @throws FleetError `TUNNEL_FAILED`
 */
async function openTunnel(client: FleetClient, context: Context): Promise<void> {
  try {
    await client.listMachines({ limit: 1 }, { signal: context.signal });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (!isFleetError(cause, 'TUNNEL_FAILED')) return;
    client.close();
    throw cause;
  }
}

function connectionOptions(flags: Flags, context: Context, endpoint: string): ConnectionOptions {
  const tunnel = flags.text('tunnel');
  return {
    endpoint,
    ...tlsFiles(flags),
    tunnel: tunnel === '' ? undefined : { host: tunnel, ssh: sshOptions(flags, context) },
  };
}

/** The TLS flags, by their new or old names. */
function tlsFiles(flags: Flags): { caFile: string; certFile: string; keyFile: string } {
  const either = (name: string, old: string): string => (flags.text(name) === '' ? flags.text(old) : flags.text(name));
  return { caFile: either('ca-file', 'etcd-cafile'), certFile: either('cert-file', 'etcd-certfile'), keyFile: either('key-file', 'etcd-keyfile') };
}
