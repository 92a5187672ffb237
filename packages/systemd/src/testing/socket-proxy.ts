import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A unix socket that passes everything on to another, and can be cut. */
export interface SocketProxy extends AsyncDisposable {
  readonly path: string;
  /** Ends all connections and takes no new ones. */
  drop(): Promise<void>;
  restore(): Promise<void>;
  /** Holds everything back, as a peer that hangs. */
  pause(): void;
  resume(): void;
  /** Bytes that came from the far side. */
  readonly received: number;
}

export async function createSocketProxy(path: string, target: () => string): Promise<SocketProxy> {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let received = 0;
  const listen = async (): Promise<void> => {
    await rm(path, { force: true });
    const next = createServer((near) => {
      const far = createConnection(target());
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      }
      far.on('data', (chunk) => (received += chunk.length));
      near.pipe(far);
      far.pipe(near);
    });
    await new Promise<void>((resolve, reject) => {
      next.once('error', reject);
      next.listen(path, resolve);
    });
    server = next;
  };
  const drop = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    const closed = new Promise<void>((resolve) => (closing === undefined ? resolve() : closing.close(() => resolve())));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen();
  return {
    path,
    drop,
    restore: listen,
    pause: () => sockets.forEach((socket) => socket.pause()),
    resume: () => sockets.forEach((socket) => socket.resume()),
    get received() {
      return received;
    },
    [Symbol.asyncDispose]: drop,
  };
}
