import { parseEndpoint } from './endpoint.ts';
import { createSocketTransport } from './socket-transport.ts';
import type { SshOptions } from '../ssh/ssh-command.ts';
import { createTunnelTransport } from './ssh-transport.ts';
import { readTlsFiles, type TlsFiles } from './tls.ts';
import type { Transport } from './transport.ts';

export interface ConnectionOptions extends TlsFiles {
  /** `unix:///path`, `file:///path`, `http://host:port/prefix`, `https://…`; of a comma-separated list the first. */
  readonly endpoint: string;
  /** A bastion to go through over SSH. */
  readonly tunnel?: { readonly host: string; readonly ssh: SshOptions } | undefined;
}

/** @throws FleetError `INVALID_ENDPOINT`, `INVALID_TLS_FILE` */
export function createTransport(options: ConnectionOptions): Transport {
  const endpoint = parseEndpoint(options.endpoint.split(',')[0]?.trim() ?? '');
  readTlsFiles(options);
  return options.tunnel === undefined ? createSocketTransport(endpoint, options) : createTunnelTransport(endpoint, options.tunnel.host, options.tunnel.ssh, options);
}
