/** A page of a listing: `size` entries each, `page` counts from 1. */
export interface PageToken {
  readonly size: number;
  readonly page: number;
}

export type PageTokenResult = { readonly ok: true; readonly page: number } | { readonly ok: false; readonly message: string };

/**
 * Four bytes, little-endian, size and page as 16 bit each, in URL-safe base64 with padding. Pages from 65,536 on do not
 * fit and take four bytes of their own behind those two, with page 65,535 in front.
 */
export function formatPageToken({ size, page }: PageToken): string {
  const wide = page > 0xffff - 1;
  const bytes = Buffer.alloc(wide ? 8 : 4);
  bytes.writeUInt16LE(size, 0);
  bytes.writeUInt16LE(wide ? 0xffff : page, 2);
  if (wide) bytes.writeUInt32LE(page, 4);
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** Reads the `nextPageToken` parameters of a request; the checks run in the order of the original, with its messages. */
export function parsePageToken(values: readonly string[], size: number): PageTokenResult {
  if (values.length === 0) return { ok: true, page: 1 };
  if (values.length > 1) return { ok: false, message: 'too many values for page token' };
  const text = (values[0] ?? '').replaceAll(/[\r\n]/g, '');
  const illegal = findIllegalByte(text);
  if (illegal !== null) return { ok: false, message: `illegal base64 data at input byte ${illegal}` };
  const bytes = Buffer.from(text.replaceAll('-', '+').replaceAll('_', '/'), 'base64');
  if (bytes.length < 4) return { ok: false, message: bytes.length === 0 ? 'EOF' : 'unexpected EOF' };
  if (bytes.readUInt16LE(0) !== size) return { ok: false, message: `token limit must be ${size}` };
  const narrow = bytes.readUInt16LE(2);
  const page = narrow === 0xffff && bytes.length === 8 ? bytes.readUInt32LE(4) : narrow;
  if (page === 0) return { ok: false, message: 'token page must be greater than zero' };
  return { ok: true, page };
}

/** Offset of the first character that padded URL-safe base64 cannot have there; `null` if all is well. */
function findIllegalByte(text: string): number | null {
  const body = /^[A-Za-z0-9_-]*/.exec(text)?.[0].length ?? 0;
  const padding = text.slice(body);
  const wanted = (4 - (body % 4)) % 4;
  if (wanted === 3) return body;
  return padding === '='.repeat(wanted) ? null : body;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/**
 * Cuts a page out of a listing. A token for the next page is given whenever this page is full, so a listing whose length
 * is an exact multiple of the size ends with an empty page, as clients of the original know it.
 */
export function cutPage<T>(all: readonly T[], token: PageToken): Page<T> {
  const { size, page } = token;
  const next = page * size <= all.length ? formatPageToken({ size, page: page + 1 }) : undefined;
  return { items: all.slice((page - 1) * size, page * size), next };
}
