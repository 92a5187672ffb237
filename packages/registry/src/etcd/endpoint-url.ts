import { requestInvalid } from '../store-errors.ts';

const DEFAULT_PORT = '2379';

/**
 * Brings endpoints to `http://host:port` or `https://host:port`; without a scheme http, without a port 2379.
 *
 * @throws FleetError `STORE_REQUEST_INVALID` for an empty list, other schemes, or http mixed with https: whether the
 *   connection is encrypted must not depend on which endpoint happens to answer.
 */
export function parseEndpoints(endpoints: readonly string[]): string[] {
  if (endpoints.length === 0) throw requestInvalid('no etcd endpoint is configured');
  const parsed = endpoints.map(parseEndpoint);
  if (new Set(parsed.map((endpoint) => endpoint.startsWith('https:'))).size > 1) throw requestInvalid(`etcd endpoints mix http and https: ${parsed.join(', ')}`);
  return parsed;
}

function parseEndpoint(endpoint: string): string {
  const text = endpoint.trim();
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || url.hostname === '' || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw requestInvalid(`etcd endpoint ${JSON.stringify(endpoint)} is not an http or https address`);
  }
  // URL drops the port when it is the scheme's own.
  const port = url.port === '' ? (/:(80|443)\/?$/.exec(text)?.[1] ?? DEFAULT_PORT) : url.port;
  return `${url.protocol}//${url.hostname}:${port}`;
}
