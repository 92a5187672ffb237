// The client side of the bench, in a thread of its own: raw sockets, so that it costs less than what it measures.
import { connect, type Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';

export interface LoadRequest {
  readonly kind: 'requests';
  readonly port: number;
  /** Request bytes; `{n}` is replaced by a running number, `{r}` by one for each run. */
  readonly request: string;
  readonly connections: number;
  readonly durationMs: number;
}
export interface StreamRequest {
  readonly kind: 'streams';
  readonly port: number;
  readonly request: string;
  readonly connections: number;
  /** Events that each stream waits for; those carry `t<microseconds>.service` as unit name. */
  readonly events: number;
}
export interface LoadResult {
  readonly count: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const now = (): number => performance.timeOrigin + performance.now();

if (parentPort !== null) {
  const port = parentPort;
  port.on('message', (message: LoadRequest | StreamRequest) => {
    const work = message.kind === 'requests' ? sendRequests(message) : readStreams(message, () => port.postMessage('ready'));
    void work.then((result) => {
      port.postMessage(result);
    });
  });
}

async function sendRequests({ port, request, connections, durationMs }: LoadRequest): Promise<LoadResult> {
  const latencies: number[] = [];
  const started = now();
  let number = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      while (now() - started < durationMs) {
        const sent = now();
        socket.write(request.replace('{r}', String(Math.round(started))).replaceAll('{n}', String((number += 1))));
        await readResponse(socket);
        latencies.push(now() - sent);
      }
      socket.destroy();
    }),
  );
  return summarise(latencies, (now() - started) / 1000);
}

/** Waits for one whole response with a length, or none for 204. */
async function readResponse(socket: Socket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let head = '';
    let left = -1;
    const onData = (data: Buffer): void => {
      if (left < 0) {
        head += data.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!/^HTTP\/1.1 2/.test(head)) reject(new Error(head.slice(0, 300)));
        left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0) - (head.length - end - 4);
      } else {
        left -= data.length;
      }
      if (left > 0) return;
      socket.off('data', onData);
      resolve();
    };
    socket.on('data', onData);
  });
}

async function readStreams({ port, request, connections, events }: StreamRequest, onReady: () => void): Promise<LoadResult> {
  const latencies: number[] = [];
  let connected = 0;
  let open = connections;
  const started = now();
  await new Promise<void>((resolve) => {
    for (let index = 0; index < connections; index += 1) {
      const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(request));
      let seen = 0;
      let first = true;
      let rest = '';
      socket.on('data', (data: Buffer) => {
        if (first) {
          first = false;
          connected += 1;
          if (connected === connections) onReady();
        }
        const at = now();
        const text = rest + data.toString('latin1');
        for (const match of text.matchAll(/"id":"t(\d+)\.service"/g)) {
          latencies.push(at - Number(match[1]) / 1000);
          seen += 1;
        }
        // A match may be cut in two; keep what could be its start, but nothing that was counted.
        rest = text.slice(Math.max(text.lastIndexOf('"id":"t'), 0)).replace(/^"id":"t\d+\.service"[^]*$/, '').slice(-200);
        if (seen < events) return;
        socket.destroy();
        open -= 1;
        if (open === 0) resolve();
      });
    }
  });
  return summarise(latencies, (now() - started) / 1000);
}

function summarise(latencies: number[], seconds: number): LoadResult {
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { count: latencies.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}
