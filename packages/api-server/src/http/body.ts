import type { IncomingMessage } from 'node:http';
import { FleetError } from '@fleet/runtime';

/**
 * Reads a whole body as text; bytes that are no UTF-8 become U+FFFD.
 *
 * @throws FleetError `BODY_TOO_LARGE` as soon as that is known, `BODY_INCOMPLETE` when the client goes away.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const tooLarge = (): FleetError => new FleetError(`the body is larger than ${maxBytes} bytes`, { code: 'BODY_TOO_LARGE', kind: 'invalid' });
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  return await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      finish();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) settle(() => reject(tooLarge()));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks, size).toString('utf8')));
    const onClose = (): void => settle(() => reject(new FleetError('the client went away before the body was complete', { code: 'BODY_INCOMPLETE', kind: 'invalid' })));
    // Stays after the end: an upload that is cut off later must not count as an unhandled error.
    request.on('error', () => undefined);
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}
