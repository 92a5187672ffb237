import { percentDecode } from './query.ts';

export type RequestTarget =
  /** `OPTIONS *` */
  | { readonly kind: 'asterisk' }
  | { readonly kind: 'malformed' }
  /** The decoded path has empty, `.` or `..` segments; clients are sent to the clean one. */
  | { readonly kind: 'unclean'; readonly location: string }
  /** `path` is decoded, `query` raw without the question mark. */
  | { readonly kind: 'path'; readonly path: string; readonly query: string };

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** Reads the target of a request line. The host of an absolute form is ignored. */
export function parseRequestTarget(target: string): RequestTarget {
  if (target === '*') return { kind: 'asterisk' };
  const rest = asUtf8(target).replace(ABSOLUTE, '');
  const withSlash = rest === '' || (ABSOLUTE.test(target) && !rest.startsWith('/')) ? `/${rest}` : rest;
  if (!withSlash.startsWith('/')) return { kind: 'malformed' };
  const question = withSlash.indexOf('?');
  const path = percentDecode(question < 0 ? withSlash : withSlash.slice(0, question));
  const query = question < 0 ? '' : withSlash.slice(question + 1);
  if (path === null) return { kind: 'malformed' };
  const clean = cleanPath(path);
  if (clean === path) return { kind: 'path', path, query };
  return { kind: 'unclean', location: escapePath(clean) + (question < 0 ? '' : `?${escapeQuery(query)}`) };
}

/** The HTTP parser gives bytes as Latin-1 characters. */
function asUtf8(target: string): string {
  return /[\u0080-\u00ff]/.test(target) ? Buffer.from(target, 'latin1').toString('utf8') : target;
}

/** Removes empty, `.` and `..` segments; a slash at the end stays (as Go `net/http` cleanPath). */
function cleanPath(path: string): string {
  if (!/\/(?:\/|\.\.?(?:\/|$))/.test(path)) return path;
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') kept.pop();
    else kept.push(segment);
  }
  const clean = `/${kept.join('/')}`;
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

/** Percent-encodes a decoded path for a Location header, leaving what Go leaves in a path (as Go `net/url` shouldEscape). */
function escapePath(path: string): string {
  return encodeURIComponent(path)
    .replaceAll(/%(?:2F|24|26|2B|2C|3A|3B|3D|40)/g, (escape) => decodeURIComponent(escape))
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A header holds ASCII only; the rest of a raw query stays as it was sent. */
function escapeQuery(query: string): string {
  return query.replaceAll(/[^!-~]/gu, encodeURIComponent);
}
