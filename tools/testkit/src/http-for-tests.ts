import { request } from 'node:http';

/** Bare HTTP over a unix socket. */
export function createHttpApi(socketPath: string): { put(path: string, body: unknown): Promise<{ readonly status: number; readonly body: string }> } {
  return {
    put: (path, body) =>
      new Promise((resolve, reject) => {
        const text = JSON.stringify(body);
        const asked = request({ socketPath, path, method: 'PUT', agent: false, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
        });
        asked.once('error', reject);
        asked.end(text);
      }),
  };
}
