import { MAX_METADATA_OPERATIONS, v1MetadataOperationSchema } from '@fleet/api';
import type { MetadataChange, Registry } from '@fleet/registry';
import type { Logger } from '@fleet/runtime';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import type { ClusterView } from '../cache/cluster-view.ts';
import { compareBytes } from '../cache/sorted-names.ts';
import { errorAnswer, revisionHeaders, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';
import { foldMembers, JsonSyntaxError, readJson } from '../http/json-read.ts';
import { writeJson } from '../http/json-write.ts';
import { cutPage, type PageToken } from '../http/page-token.ts';
import { V1Listing, type V1Page } from './page.ts';

export interface V1MachinesOptions {
  readonly registry: Pick<Registry, 'changeMetadata'>;
  readonly cache: ClusterCache;
  readonly tokenLimit: number;
  readonly logger: Logger;
}

/** The machine resource of version 1 (as fleet `api/machines.go`). */
export class V1Machines {
  readonly #options: V1MachinesOptions;
  readonly #listing: V1Listing;

  constructor(options: V1MachinesOptions) {
    this.#options = options;
    this.#listing = new V1Listing(options, (view, _request, token) => machinesPage(view, token));
  }

  async list(request: ApiRequest): Promise<Answer> {
    return await this.#listing.answer(request);
  }

  async patch(request: ApiRequest): Promise<Answer> {
    const { registry, cache, logger } = this.#options;
    const decoded = decodePatch(await request.readBody());
    if (!decoded.ok) return errorAnswer(decoded.tooMany ? 413 : 400, decoded.message);
    const noContent = { status: 204, contentType: 'application/json' };
    if (decoded.changes.length === 0) return noContent;
    const { revision } = await registry.changeMetadata(decoded.changes);
    await cache.waitForWrite(revision);
    logger.info('machine metadata changed', { changes: decoded.changes.length, revision });
    return { ...noContent, headers: revisionHeaders(revision) };
  }
}

function machinesPage(view: ClusterView, token: PageToken): V1Page {
  const { items, next } = cutPage(view.machineIds.all, token);
  return { resource: 'machines', items: items.flatMap((id) => machineJson(view, id)), next };
}

/** Written member by member: an object would put keys that look like numbers first, the original has all in byte order. */
function machineJson(view: ClusterView, id: string): readonly string[] {
  const machine = view.machine(id);
  if (machine === undefined) return [];
  const metadata = Object.entries(view.metadata(machine)).sort(([a], [b]) => compareBytes(a, b));
  const members = [
    ...(id === '' ? [] : [`"id":${writeJson(id)}`]),
    ...(metadata.length === 0 ? [] : [`"metadata":{${metadata.map(([key, value]) => `${writeJson(key)}:${writeJson(value)}`).join(',')}}`]),
    ...(machine.address === '' ? [] : [`"primaryIP":${writeJson(machine.address)}`]),
  ];
  return [`{${members.join(',')}}`];
}

type Decoded =
  | { readonly ok: true; readonly changes: readonly MetadataChange[] }
  | { readonly ok: false; readonly message: string; readonly tooMany?: boolean };

const OPERATION_SHAPE = { op: null, path: null, value: { value: null } };
const PATH = /^\/([^/]+)\/metadata\/([A-Za-z0-9_.-]+)$/;

/** Reads all operations before any is applied; of several for one key the last one counts. */
function decodePatch(text: string): Decoded {
  let folded: unknown;
  try {
    folded = foldMembers(readJson(text), OPERATION_SHAPE);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return { ok: false, message: error.message };
    throw error;
  }
  if (folded === null) return { ok: true, changes: [] };
  if (!Array.isArray(folded)) return { ok: false, message: `expected a list of operations, got ${typeof folded}` };
  if (folded.length > MAX_METADATA_OPERATIONS) return { ok: false, tooMany: true, message: `at most ${MAX_METADATA_OPERATIONS} operations are taken at a time` };
  const changes = new Map<string, MetadataChange>();
  for (const [index, entry] of (folded as readonly unknown[]).entries()) {
    const operation = v1MetadataOperationSchema.safeParse(entry ?? {});
    if (!operation.success) return { ok: false, message: `operation ${index}: ${operation.error.issues[0]?.message ?? 'invalid'}` };
    const { op, path = '', value } = operation.data;
    if (op !== 'add' && op !== 'replace' && op !== 'remove') return { ok: false, message: 'invalid op: expect add, remove, or replace' };
    const [, machine = '', key = ''] = PATH.exec(path) ?? [];
    if (key === '' || [machine, key].some((part) => part === '.' || part === '..')) return { ok: false, message: 'machine metadata path invalid' };
    const text = typeof value === 'string' ? value : (value?.value ?? '');
    if (op !== 'remove' && text === '') return { ok: false, message: 'invalid value: add and replace require a value' };
    changes.set(`${machine}/${key}`, { machine, key, value: op === 'remove' ? '' : text });
  }
  return { ok: true, changes: [...changes.values()] };
}
