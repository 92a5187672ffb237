import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';

/** Writes an answer. `Server` is already set on the response; a HEAD gets its length and no body. */
export function send(response: ServerResponse, answer: Answer): void {
  const headers: Record<string, string | number> = { ...answer.headers };
  if (answer.contentType !== undefined) headers['Content-Type'] = answer.contentType;
  const body = answer.body ?? '';
  if (answer.status !== 204) headers['Content-Length'] = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  response.writeHead(answer.status, headers);
  response.end(body);
}

/** Answers before the body was read, and ends the connection: what is still coming is dropped for two seconds at most. */
export function sendAndClose(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.setHeader('Connection', 'close');
  send(response, answer);
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), 2_000);
  timer.unref();
  request.once('close', () => {
    clearTimeout(timer);
  });
}
