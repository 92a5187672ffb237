import { FleetError } from '@fleet/runtime';

/** Where an API listens. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly tls: boolean; readonly hostname: string; readonly port: number; readonly authority: string; readonly pathPrefix: string };

function invalid(message: string): FleetError {
  return new FleetError(message, { code: 'INVALID_ENDPOINT', kind: 'invalid', remedy: 'give unix:///path/to/socket or http(s)://host:port' });
}

/**
 * Reads `unix:///path`, `unix:/path`, `file:///path`, `http://host:port/prefix` or `https://…` (as fleet `fleetctl/fleetctl.go` getHTTPClient).
 *
 * @throws FleetError `INVALID_ENDPOINT`
 */
export function parseEndpoint(text: string): Endpoint {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*)|(?=\/))([^?#]*)/.exec(text);
  if (match === null) {
    if (/^[^/]*:/.test(text)) throw invalid(`parse ${JSON.stringify(text)}: first path segment in URL cannot contain colon`);
    throw invalid('URL scheme undefined');
  }
  const [, rawScheme = '', authority = '', path = ''] = match;
  const scheme = rawScheme.toLowerCase();
  if (scheme === 'unix' || scheme === 'file') {
    if (authority !== '') throw invalid(`unable to connect to host ${JSON.stringify(authority)} with scheme ${JSON.stringify(scheme)}`);
    return { kind: 'unix', path: decodePath(path) };
  }
  if (scheme !== 'http' && scheme !== 'https') throw invalid(`URL scheme ${JSON.stringify(scheme)} not supported`);
  const host = /^(?:[^@]*@)?(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(authority);
  const hostname = host?.[1] ?? host?.[2];
  if (hostname === undefined) throw invalid(`parse ${JSON.stringify(text)}: no valid host in URL`);
  const port = host?.[3] === undefined ? (scheme === 'https' ? 443 : 80) : Number(host[3]);
  if (port < 1 || port > 65_535) throw invalid(`parse ${JSON.stringify(text)}: invalid port ${port}`);
  return { kind: 'tcp', tls: scheme === 'https', hostname, port, authority, pathPrefix: path.replace(/\/+$/, '') };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
