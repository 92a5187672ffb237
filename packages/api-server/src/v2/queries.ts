import { DEFAULT_LIST_LIMIT } from '@fleet/api';
import { FleetError } from '@fleet/runtime';
import { compileGlob, type Glob } from '@fleet/unit-parser';
import type { SortedNames } from '../cache/sorted-names.ts';
import type { ApiRequest } from '../http/api-request.ts';

interface QuerySchema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false; readonly error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] } };
}

/**
 * Reads the query of a request; parameters in `lists` may be repeated, others not.
 *
 * @throws FleetError `QUERY_INVALID` naming the parameter.
 */
export function readQuery<T>(request: Pick<ApiRequest, 'query'>, schema: QuerySchema<T>, lists: readonly string[]): T {
  const raw: Record<string, unknown> = {};
  for (const [name, values] of request.query) {
    if (!lists.includes(name) && values.length > 1) throw invalid(`parameter ${name} is given ${values.length} times`);
    raw[name] = lists.includes(name) ? values : values[0];
  }
  const read = schema.safeParse(raw);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `parameter ${issue.path.map(String).join('.')}: `;
  throw invalid(`${where}${issue?.message ?? 'invalid query'}`);
}

/** @throws FleetError `QUERY_INVALID` */
export function compileName(pattern: string): Glob {
  const glob = compileGlob(pattern);
  if (glob.malformed) throw invalid(`parameter name: ${JSON.stringify(pattern)} is no valid pattern`);
  return glob;
}

/** The cursor of a page that ended with `name`. */
export function cursorAfter(name: string): string {
  return Buffer.from(name).toString('base64url');
}

interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

/** Walks names in order from the cursor on, keeping what `pick` does not turn down; `next` is the last name if more follow. */
export function pageFrom<T>(names: SortedNames, query: PageQuery, pick: (name: string) => T | null): { readonly items: readonly T[]; readonly next: string | undefined } {
  const limit = query.limit ?? DEFAULT_LIST_LIMIT;
  const start = query.cursor === undefined ? 0 : names.after(Buffer.from(query.cursor, 'base64url').toString('utf8'));
  const items: T[] = [];
  let last: string | undefined;
  for (let index = start; index < names.all.length; index += 1) {
    const name = names.all[index] ?? '';
    const item = pick(name);
    if (item === null) continue;
    if (items.length === limit) return { items, next: last };
    items.push(item);
    last = name;
  }
  return { items, next: undefined };
}

function invalid(message: string): FleetError {
  return new FleetError(message, { code: 'QUERY_INVALID', kind: 'invalid', remedy: 'see /fleet/v2/openapi.json for the parameters' });
}
