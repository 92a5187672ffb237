import { request } from 'node:http';
import type { HttpAnswer, HttpQuestion } from './cluster.ts';

/** One HTTP request over a unix socket, as plainly as a client can put it: nothing is retried or interpreted. */
export function requestOverSocket(socketPath: string, { method, path, body }: HttpQuestion): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const asked = request({ socketPath, method, path, headers, agent: false, timeout: 10_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() }));
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer from ${socketPath} within 10 s`)));
    asked.once('error', reject);
    asked.end(text);
  });
}
