import { chmodSync, chownSync, linkSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { describeError, FleetError } from '@fleet/runtime';

export interface UnixSocketOptions {
  readonly path: string;
  readonly mode: number;
  readonly group: string | undefined;
  /** Connections that may wait to be accepted; beyond, the system refuses them at once. */
  readonly backlog: number;
}

/** How long a connection to a found socket may take before it counts as served by someone. */
const PROBE_TIMEOUT_MS = 2_000;

/**
 * Binds a server to a path: a socket left by a dead process is replaced, a live one is not touched, and of two processes
 * that start at once one gets it. The socket is made under another name and only shown under its own when it has its mode
 * and group, so nobody else can connect at any moment.
 *
 * @returns what removes the socket file again, if it is still ours.
 * @throws FleetError `SOCKET_IN_USE`, `SOCKET_PATH_TAKEN`, `SOCKET_DENIED`, `SOCKET_PATH_TOO_LONG`, `GROUP_UNKNOWN`, `SOCKET_FAILED`.
 */
export async function listenOnUnixSocket(server: Server, options: UnixSocketOptions): Promise<() => void> {
  const { path, group } = options;
  // Node removes the path it was bound to when the server closes, whoever owns the file by then; so that is never the real one.
  const hidden = join(dirname(path), `.${process.pid}.${(counter += 1)}`);
  if (Math.max(Buffer.byteLength(path), Buffer.byteLength(hidden)) > MAX_PATH_BYTES) {
    throw new FleetError(`socket path ${path} is longer than the ${MAX_PATH_BYTES} bytes the system takes`, { code: 'SOCKET_PATH_TOO_LONG', kind: 'invalid', remedy: 'choose a shorter path' });
  }
  const gid = group === undefined ? undefined : groupId(group);
  await removeStale(path);
  await bind(server, hidden, path, options.backlog);
  try {
    giveTo(hidden, options, gid);
    show(hidden, path);
  } catch (error) {
    server.close();
    throw error;
  }
  const { ino, dev } = lstatSync(path);
  return () => {
    try {
      const now = lstatSync(path);
      if (now.ino === ino && now.dev === dev) unlinkSync(path);
    } catch {
      // Gone already.
    }
  };
}

let counter = 0;
const MAX_PATH_BYTES = 107;

function giveTo(file: string, { path, mode, group }: UnixSocketOptions, gid: number | undefined): void {
  try {
    if (gid !== undefined) chownSync(file, -1, gid);
    chmodSync(file, mode);
  } catch (error) {
    throw new FleetError(`socket ${path} cannot be given to ${group === undefined ? `mode ${mode.toString(8)}` : `group ${group}`}`, {
      code: 'SOCKET_DENIED',
      kind: 'invalid',
      cause: error,
      remedy: 'run as root or as a member of that group',
    });
  }
}

/** A link, unlike a rename, fails when someone else was quicker. */
function show(hidden: string, path: string): void {
  try {
    linkSync(hidden, path);
    unlinkSync(hidden);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw inUse(path, error);
    throw failed(path, error);
  }
}

/** Removes a socket that nobody serves. */
async function removeStale(path: string): Promise<void> {
  let isSocket: boolean;
  try {
    isSocket = lstatSync(path).isSocket();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw failed(path, error);
  }
  if (!isSocket) {
    throw new FleetError(`${path} exists and is no socket`, { code: 'SOCKET_PATH_TAKEN', kind: 'conflict', remedy: 'move it away, or choose another path for the API socket' });
  }
  if (await isServed(path)) {
    throw inUse(path);
  }
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw failed(path, error);
  }
}

async function isServed(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    const done = (served: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(served);
    };
    const timer = setTimeout(() => done(true), PROBE_TIMEOUT_MS);
    socket.once('connect', () => done(true));
    // Only a refusal proves that nobody listens; being denied or a full queue does not.
    socket.once('error', (error) => done(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT'));
  });
}

async function bind(server: Server, hidden: string, path: string, backlog: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: unknown): void => {
      reject(failed(path, error));
    };
    server.once('error', onError);
    server.listen({ path: hidden, backlog }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  let file = '';
  try {
    file = readFileSync('/etc/group', 'utf8');
  } catch {
    // Then the name is unknown.
  }
  const id = file.split('\n').find((line) => line.startsWith(`${group}:`))?.split(':')[2];
  if (id !== undefined) return Number(id);
  throw new FleetError(`group ${group} for the API socket does not exist`, { code: 'GROUP_UNKNOWN', kind: 'invalid', remedy: `create it (groupadd --system ${group}) or give its number` });
}

function inUse(path: string, cause?: unknown): FleetError {
  return new FleetError(`socket ${path} is in use by another process`, {
    code: 'SOCKET_IN_USE',
    kind: 'conflict',
    cause,
    remedy: `stop the other fleetd (find it with: ss -xlp src ${path}), or choose another path for the API socket`,
  });
}

function failed(path: string, error: unknown): FleetError {
  const code = codeOf(error);
  const remedy = code === 'ENOENT' ? `create the directory ${dirname(path)}` : code === 'EACCES' ? `check the permissions of ${dirname(path)}` : 'choose another path';
  return new FleetError(`cannot listen on socket ${path}: ${describeError(error)}`, { code: 'SOCKET_FAILED', kind: 'invalid', cause: error, remedy });
}

function codeOf(error: unknown): string {
  // By shape: in a vm context, as of a test runner, system errors come from another realm.
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
