import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { FleetError } from '@fleet/runtime';
import { systemErrorText } from '../errors.ts';

/** TLS material; empty or absent members are not used. A CA alone means: verify the server with it. */
export interface TlsFiles {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the files once, so that a wrong path is known before the first request.
 *
 * @throws FleetError `INVALID_TLS_FILE`
 */
export function readTlsFiles(files: TlsFiles): TlsMaterial {
  const hasPair = (files.certFile ?? '') !== '' || (files.keyFile ?? '') !== '';
  const cert = readPem(files.certFile, 'failed to find any PEM data in certificate input');
  const key = readPem(files.keyFile, 'failed to find any PEM data in key input');
  const ca = readPem(files.caFile, 'failed to find any PEM data in CA input');
  if (hasPair && (cert === undefined || key === undefined)) {
    throw new FleetError('tls: both --cert-file and --key-file are needed', { code: 'INVALID_TLS_FILE', kind: 'invalid' });
  }
  return { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
}

function readPem(file: string | undefined, problem: string): string | undefined {
  if (file === undefined || file === '') return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new FleetError(`open ${file}: ${systemErrorText(error)}`, { code: 'INVALID_TLS_FILE', kind: 'invalid', cause: error });
  }
  if (!text.includes('-----BEGIN ')) throw new FleetError(`tls: ${problem}`, { code: 'INVALID_TLS_FILE', kind: 'invalid' });
  return text;
}

/** Long enough for someone to type a passphrase when the stream is an ssh. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

/** TLS over a connected stream. The server is always verified: by the CA given, or by the system's. */
export async function secure(socket: Duplex, hostname: string, files: TlsFiles, signal: AbortSignal | undefined): Promise<Duplex> {
  // Loaded here because only https needs it and it costs as much as the rest of the client.
  const { connect } = await import('node:tls');
  const { isIP } = await import('node:net');
  return await new Promise((resolve, reject) => {
    const stream = connect({ socket, ...readTlsFiles(files), minVersion: 'TLSv1.2', ...(isIP(hostname) === 0 ? { servername: hostname } : {}), host: hostname });
    const onAbort = (): void => fail(signal?.reason as Error);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stream.on('error', () => undefined).destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error('tls: handshake timeout')), HANDSHAKE_TIMEOUT_MS);
    stream.once('error', (error: Error) => fail(new Error(`tls: ${error.message}`, { cause: error })));
    stream.once('secureConnect', () => {
      stream.removeAllListeners('error');
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(stream);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
