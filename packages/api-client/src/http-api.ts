import {
  EVENT_STREAM_MEDIA_TYPE,
  MAX_BULK_UNITS,
  MAX_LIST_LIMIT,
  v2Paths,
  type BulkResult,
  type CallOptions,
  type ChangeEvent,
  type ChangesQuery,
  type DestroyRequest,
  type FleetApi,
  type MachineList,
  type SetStateRequest,
  type StateList,
  type SubmitRequest,
  type UnitDetail,
  type UnitList,
  type UnitResult,
} from '@fleet/api/wire';
import { FleetError, type Clock } from '@fleet/runtime';
import { followChanges } from './changes.ts';
import type { Decoders } from './decoders.ts';
import { apiError } from './errors.ts';
import { exchangeJson, type WriteMark } from './exchange.ts';
import type { HttpClient } from './http/http-client.ts';

export interface HttpApiOptions {
  readonly http: HttpClient;
  readonly decoders: Decoders;
  readonly clock: Clock;
}

type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** The API of version 2 over HTTP. Listings follow their cursors to the end when the query names neither limit nor cursor. */
export function createHttpApi(options: HttpApiOptions): FleetApi {
  const { http, decoders } = options;
  const mark: WriteMark = { revision: 0 };

  async function get<T>(path: string, query: object, decode: (value: unknown) => T, call: CallOptions = {}): Promise<T> {
    return await exchangeJson(http, { method: 'GET', path: withQuery(path, query as Query), signal: call.signal, minRevision: call.minRevision }, decode, mark);
  }

  async function list<T extends { readonly next?: string }>(
    path: string,
    query: object & { readonly limit?: number; readonly cursor?: string },
    decode: (value: unknown) => T,
    call: CallOptions | undefined,
    join: (pages: readonly T[]) => T,
  ): Promise<T> {
    if (query.limit !== undefined || query.cursor !== undefined) return await get(path, query, decode, call);
    const pages: T[] = [];
    const seen = new Set<string>();
    let cursor: string | undefined;
    do {
      const page: T = await get(path, { ...query, limit: MAX_LIST_LIMIT, cursor }, decode, call);
      pages.push(page);
      cursor = page.next;
      if (cursor !== undefined && seen.has(cursor)) {
        throw new FleetError(`the server at ${http.url(path)} repeats its pages`, { code: 'ENDLESS_PAGES', kind: 'internal', remedy: 'report it with the version of fleetd' });
      }
      if (cursor !== undefined) seen.add(cursor);
    } while (cursor !== undefined);
    const [only] = pages;
    return pages.length === 1 && only !== undefined ? only : join(pages);
  }

  async function bulk(path: string, items: readonly unknown[], body: (part: readonly unknown[]) => object, call: CallOptions = {}): Promise<BulkResult> {
    const answers: BulkResult[] = [];
    for (let at = 0; at < items.length; at += MAX_BULK_UNITS) {
      const part = items.slice(at, at + MAX_BULK_UNITS);
      answers.push(await exchangeJson(http, { method: 'POST', path, body: body(part), signal: call.signal, minRevision: call.minRevision, answersConflict: true }, decoders.bulkResult, mark));
    }
    const results: UnitResult[] = answers.flatMap((answer) => [...answer.results]);
    const revision = Math.max(0, ...answers.map((answer) => answer.revision));
    if (revision > mark.revision) mark.revision = revision;
    return { revision, ok: answers.every((answer) => answer.ok), results };
  }

  const lastRevision = (pages: readonly { readonly revision: number }[]): number => Math.min(...pages.map((page) => page.revision));

  return {
    listUnits: (query = {}, call) =>
      list(v2Paths.units, query, decoders.unitList, call, (pages): UnitList => ({ revision: lastRevision(pages), units: pages.flatMap((page) => [...page.units]) })),
    listStates: (query = {}, call) =>
      list(v2Paths.states, query, decoders.stateList, call, (pages): StateList => ({ revision: lastRevision(pages), states: pages.flatMap((page) => [...page.states]) })),
    listMachines: (query = {}, call) =>
      list(v2Paths.machines, query, decoders.machineList, call, (pages): MachineList => ({ revision: lastRevision(pages), machines: pages.flatMap((page) => [...page.machines]) })),
    getUnit: (name, call): Promise<UnitDetail> => get(v2Paths.unit(name), {}, decoders.unitDetail, call),
    changes: (query: ChangesQuery, { signal, giveUpAfterMs }): AsyncIterable<ChangeEvent> =>
      followChanges({
        clock: options.clock,
        signal,
        since: query.since,
        giveUpAfterMs,
        decode: decoders.change,
        open: async (since, streamSignal) => {
          const path = withQuery(v2Paths.changes, { since, kinds: query.kinds?.join(','), name: query.name });
          const stream = await http.stream({ method: 'GET', path, headers: { Accept: EVENT_STREAM_MEDIA_TYPE }, signal: streamSignal });
          if (stream.status === 200) return stream.body;
          throw apiError(stream.status, await readAll(stream.body));
        },
      }),
    submitUnits: (request: SubmitRequest, call) => bulk(v2Paths.submit, request.units, (units) => ({ ...request, units }), call),
    setUnitStates: (request: SetStateRequest, call) => bulk(v2Paths.setState, request.changes, (changes) => ({ ...request, changes }), call),
    destroyUnits: (request: DestroyRequest, call) => bulk(v2Paths.destroy, request.names, (names) => ({ ...request, names }), call),
  };
}

async function readAll(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function withQuery(path: string, query: Query): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const item of typeof value === 'object' ? value : [value]) pairs.push(`${name}=${encodeURIComponent(item)}`);
  }
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}
