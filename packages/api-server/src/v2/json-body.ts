import { FleetError } from '@fleet/runtime';
import type { ApiRequest } from '../http/api-request.ts';
import { JsonSyntaxError, readJson, toPlain } from '../http/json-read.ts';

interface BodySchema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false; readonly error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] } };
}

/**
 * Reads a JSON body against a schema.
 *
 * @throws FleetError `UNSUPPORTED_MEDIA_TYPE`, `BODY_INVALID` naming where, and those of reading a body.
 */
export async function readJsonBody<T>(request: ApiRequest, schema: BodySchema<T>): Promise<T> {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new FleetError('the body must be application/json', { code: 'UNSUPPORTED_MEDIA_TYPE', kind: 'invalid', remedy: 'send Content-Type: application/json' });
  }
  const read = schema.safeParse(parse(await request.readBody()));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
  throw new FleetError(`${where}${issue?.message ?? 'invalid body'}`, { code: 'BODY_INVALID', kind: 'invalid', remedy: 'see /fleet/v2/openapi.json for the schema' });
}

function parse(text: string): unknown {
  try {
    return toPlain(readJson(text));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new FleetError(`the body is no JSON: ${error.message}`, { code: 'BODY_INVALID', kind: 'invalid' });
  }
}
