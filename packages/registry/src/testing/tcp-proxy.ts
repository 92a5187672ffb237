import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

export interface TcpProxy extends AsyncDisposable {
  /** `127.0.0.1:port` to connect to. */
  readonly address: string;
  readonly port: number;
  /** How many connections pass through now. */
  readonly connections: number;
  /** Lets nothing through in either direction, and closes nothing: a network that swallows packets. */
  pause(): void;
  resume(): void;
  /** The connections that are there stay silent for good, and neither side hears of it. New ones work. */
  lose(): void;
  /** Resets all connections and refuses new ones. */
  cut(): void;
  /** Accepts again after {@link TcpProxy.cut}. */
  restore(): void;
}

/** Stands between a client and `target`, so that a test can take the network away. */
export async function createTcpProxy(target: { readonly host?: string; readonly port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const lost = new WeakSet<Socket>();
  let paused = false;
  let isCut = false;
  const server: Server = createServer((client) => {
    if (isCut) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target.port, target.host ?? '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      // A peer that went away is what this proxy is for.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => {
        if (!paused && !lost.has(from)) from.resume();
      });
      from.on('end', () => to.end());
      if (paused) from.pause();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    get connections() {
      return sockets.size / 2;
    },
    pause: () => {
      paused = true;
      for (const socket of sockets) socket.pause();
    },
    resume: () => {
      paused = false;
      for (const socket of sockets) if (!lost.has(socket)) socket.resume();
    },
    lose: () => {
      for (const socket of sockets) {
        socket.pause();
        lost.add(socket);
      }
    },
    cut: () => {
      isCut = true;
      for (const socket of [...sockets]) socket.resetAndDestroy();
    },
    restore: () => {
      isCut = false;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of [...sockets]) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
