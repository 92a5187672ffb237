import { FleetError } from '@fleet/runtime';

export interface TlsFiles {
  /** PEM file with the server's certificate chain. */
  readonly certFile: string;
  readonly keyFile: string;
  /** PEM file with the CA that client certificates must come from. Clients without one are refused. */
  readonly clientCaFile: string;
}

/** Where to listen. */
export type ListenerSpec =
  | {
      readonly kind: 'unix';
      readonly path: string;
      /** 0660 unless told. */
      readonly mode?: number;
      /** Name or number of the group that owns the socket; the process's unless told. */
      readonly group?: string;
    }
  /** A listening stream socket passed by systemd; TCP counts as asked for. */
  | { readonly kind: 'fd'; readonly fd: number }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      /** 0 for any free one. */
      readonly port: number;
      readonly tls?: TlsFiles;
      /** Plain HTTP on an address that others can reach; everybody who can connect can run anything as root. */
      readonly insecure?: boolean;
    };

const FIRST_FD = 3;

/**
 * The sockets systemd passed to this process (sd_listen_fds): none unless `LISTEN_PID` is this process. The variables
 * stay in the environment.
 */
export function systemdListeners(env: Readonly<Record<string, string | undefined>>, pid: number): readonly ListenerSpec[] {
  if (Number(env.LISTEN_PID) !== pid) return [];
  const count = Number(env.LISTEN_FDS);
  if (!Number.isInteger(count) || count <= 0 || count > 1024) return [];
  return Array.from({ length: count }, (_, index) => ({ kind: 'fd', fd: FIRST_FD + index }));
}

/** One line for logs and messages. */
export function describeListener(spec: ListenerSpec): string {
  switch (spec.kind) {
    case 'unix':
      return `unix socket ${spec.path}`;
    case 'fd':
      return `descriptor ${spec.fd} passed by systemd`;
    case 'tcp':
      return `${spec.tls === undefined ? 'tcp' : 'tls'} ${spec.host}:${spec.port}`;
  }
}

/** Whether only this machine can connect. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Refuses plain TCP that others can reach, unless it was asked for by name.
 *
 * @throws FleetError `LISTENER_INSECURE`
 */
export function checkListener(spec: ListenerSpec): void {
  if (spec.kind !== 'tcp' || spec.tls !== undefined || spec.insecure === true || isLoopback(spec.host)) return;
  throw new FleetError(`${describeListener(spec)} would serve the API to others without TLS`, {
    code: 'LISTENER_INSECURE',
    kind: 'invalid',
    remedy: 'configure a server certificate, its key and a client CA, listen on a loopback address or a unix socket, or ask for insecure by name',
  });
}
