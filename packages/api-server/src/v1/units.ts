import { v1UnitBodySchema, type V1UnitBody } from '@fleet/api';
import type { TargetState, UnitName } from '@fleet/model';
import type { Registry, StoredUnitRecord, UnitChange, UnitRecord } from '@fleet/registry';
import { isFleetError, type Clock, type Logger } from '@fleet/runtime';
import { quoteText, type UnitOption } from '@fleet/unit-parser';
import { admitName, admitOptions, admitTargetState, type AdmittedUnit } from '../admission.ts';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import type { ClusterView } from '../cache/cluster-view.ts';
import { errorAnswer, jsonAnswer, revisionHeaders, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';
import { foldMembers, JsonSyntaxError, readJson, type Shape } from '../http/json-read.ts';
import { isOriginalClient, StopsToTell } from './original-client.ts';
import { V1Listing } from './page.ts';
import { unitJson, type UnitsListing } from './units-listing.ts';

export interface V1UnitsOptions {
  readonly registry: Pick<Registry, 'readUnitRecord' | 'changeUnit'>;
  readonly cache: ClusterCache;
  readonly listing: () => UnitsListing;
  readonly tokenLimit: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const BODY_SHAPE: Shape = { name: null, options: [{ section: null, name: null, value: null }], desiredState: null, currentState: null, machineID: null };

/** The unit resource of version 1 (as fleet `api/units.go`). */
export class V1Units {
  readonly #options: V1UnitsOptions;
  readonly #stops: StopsToTell;
  readonly #listing: V1Listing;

  constructor(options: V1UnitsOptions) {
    this.#options = options;
    this.#stops = new StopsToTell(options.clock);
    this.#listing = new V1Listing(options, (_view, _request, token) => options.listing().page(token));
  }

  async list(request: ApiRequest): Promise<Answer> {
    return await this.#listing.answer(request);
  }

  async get(request: ApiRequest): Promise<Answer> {
    const view = await this.#options.cache.acquire(request);
    const unit = view.unit(request.name) ?? (await this.#lookAgain(view, request));
    if (unit === 'damaged') return jsonAnswer(200, unitJson({ name: request.name, options: '[]', desiredState: 'inactive', currentState: null, machine: null }));
    if (unit === null) return errorAnswer(404, 'unit does not exist');
    const { revision } = view;
    const { machine, currentState } = view.location(unit);
    const stillLaunched = isOriginalClient(request) && this.#stops.take(unit.name) && currentState === 'loaded';
    const { optionsJson } = await this.#options.cache.texts.get(unit.hash);
    const json = unitJson({
      name: unit.name,
      options: optionsJson,
      desiredState: unit.targetState,
      currentState: unit.global ? null : stillLaunched ? 'launched' : currentState,
      machine: unit.global ? null : machine,
    });
    return jsonAnswer(200, json, revision);
  }

  async delete(request: ApiRequest): Promise<Answer> {
    try {
      return await this.#write(204, { kind: 'destroy', name: request.name as UnitName }, request);
    } catch (error) {
      if (isFleetError(error, 'UNIT_NOT_FOUND')) return errorAnswer(404, 'unit does not exist');
      throw error;
    }
  }

  /**
   * The cache does not have the unit: asks the store, as another daemon may have just made it. A record that cannot be
   * read is shown without its content, so that clients see that there is something to destroy or to replace.
   */
  async #lookAgain(view: ClusterView, request: ApiRequest): Promise<UnitRecord | 'damaged' | null> {
    const stored = await this.#readUnit(request.name, request.signal);
    if (stored === 'damaged' || stored === null) return stored;
    await this.#options.cache.waitForWrite(stored.revision);
    // A desired state that nobody knows has the unit run nowhere.
    return view.unit(request.name) ?? { ...stored, targetState: stored.targetState ?? 'inactive' };
  }

  async #readUnit(name: string, signal: AbortSignal): Promise<StoredUnitRecord | 'damaged' | null> {
    try {
      return await this.#options.registry.readUnitRecord(name, { signal });
    } catch (error) {
      if (!isFleetError(error, 'RECORD_INVALID')) throw error;
      this.#options.logger.error('unit record cannot be read', { unit: name, reason: error.message });
      return 'damaged';
    }
  }

  /** In the order of the original's `set`: the first check that fails answers. */
  async put(request: ApiRequest): Promise<Answer> {
    const wrongType = checkContentType(request.rawHeaders);
    if (wrongType !== null) return errorAnswer(415, wrongType);
    const text = await request.readBody();
    const decoded = decodeUnitBody(text);
    if (!decoded.ok) return errorAnswer(400, `unable to decode body: ${decoded.message}`);
    const { body } = decoded;
    if (body.name !== undefined && body.name !== '' && body.name !== request.name) {
      return errorAnswer(400, `name in URL ${quoteText(request.name)} differs from unit name in request body ${quoteText(body.name)}`);
    }
    const name = admitName(request.name);
    if (body.desiredState === 'loaded' && isOriginalClient(request) && this.#isLaunched(name)) this.#stops.begin(name);
    const quick = await this.#changeStateOnly(name, body);
    if (quick !== null) return quick;
    const existing = await this.#readUnit(name, request.signal);
    const options = (body.options ?? []).map(({ section = '', name: option = '', value = '' }): UnitOption => ({ section, name: option, value }));
    if (existing === null || existing === 'damaged') {
      if (options.length === 0) return errorAnswer(409, 'unit does not exist and options field empty');
      const admitted = admitOptions(options);
      if (existing === 'damaged') await this.#options.registry.changeUnit({ kind: 'destroy', name });
      return await this.#write(201, { kind: 'create', name, ...admitted, targetState: wantedState(name, body) ?? 'inactive' }, request);
    }
    const admitted = options.length === 0 ? null : admitOptions(options);
    return await this.#update(existing, admitted, body, request);
  }

  /** As far as the cache knows; who has the unit stopped has read it before. */
  #isLaunched(name: UnitName): boolean {
    const view = this.#options.cache.current;
    const unit = view?.unit(name);
    return view !== undefined && unit !== undefined && !unit.global && view.location(unit).currentState === 'launched';
  }

  /**
   * The commonest write, start and stop, of a unit that the cache knows: nothing that the store could add would change the
   * answer, so it is not asked first. `null` when this is something else.
   */
  async #changeStateOnly(name: UnitName, body: V1UnitBody): Promise<Answer | null> {
    const view = this.#options.cache.current;
    const known = view?.mirror.live === true ? view.known(name) : undefined;
    if ((body.options?.length ?? 0) > 0 || known === undefined) return null;
    const targetState = wantedState(name, body);
    if (targetState === undefined) return null;
    try {
      return await this.#commit(204, { kind: 'target', name, targetState, known });
    } catch (error) {
      if (isFleetError(error, 'UNIT_NOT_FOUND') || isFleetError(error, 'RECORD_INVALID')) return null;
      throw error;
    }
  }

  async #update(existing: StoredUnitRecord, admitted: AdmittedUnit | null, body: V1UnitBody, request: ApiRequest): Promise<Answer> {
    const { name } = existing;
    const targetState = wantedState(name, body);
    if (admitted !== null && admitted.hash !== existing.hash) {
      return await this.#write(201, { kind: 'replace', name, ...admitted, targetState: targetState ?? 'inactive', expect: existing.revision }, request);
    }
    if (targetState === undefined) return errorAnswer(409, 'must provide DesiredState to update existing unit');
    return await this.#write(204, { kind: 'target', name, targetState }, request);
  }

  async #write(status: 201 | 204, change: UnitChange, request: ApiRequest): Promise<Answer> {
    try {
      return await this.#commit(status, change);
    } catch (error) {
      if (request.method === 'PUT' && isRaceLost(error)) return errorAnswer(409, 'unit was changed by another request at the same time');
      throw error;
    }
  }

  /** One transaction; answers once this daemon's own cache shows it. Not cancelled: once sent, a write is better known than unknown. */
  async #commit(status: 201 | 204, change: UnitChange): Promise<Answer> {
    const { registry, cache, logger } = this.#options;
    const { revision } = await registry.changeUnit(change);
    await cache.waitForWrite(revision);
    logger.info('unit changed', { unit: change.name, change: change.kind, revision });
    return { status, headers: revisionHeaders(revision) };
  }
}

function isRaceLost(error: unknown): boolean {
  return isFleetError(error, 'UNIT_EXISTS') || isFleetError(error, 'UNIT_CHANGED') || isFleetError(error, 'UNIT_NOT_FOUND');
}

function wantedState(name: UnitName, body: V1UnitBody): TargetState | undefined {
  return body.desiredState === undefined || body.desiredState === '' ? undefined : admitTargetState(name, body.desiredState);
}

/** What is wrong with the media type of the request, or `null`; needs the headers as sent, lines not merged. */
function checkContentType(rawHeaders: readonly string[]): string | null {
  const values = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'content-type');
  const [value = ''] = values;
  if (values.length !== 1) return `expected 1 Content-Type, got ${values.length}`;
  const [type = ''] = value.split(';');
  return type.trim() === 'application/json' ? null : 'only acceptable Content-Type is application/json';
}

function decodeUnitBody(text: string): { readonly ok: true; readonly body: V1UnitBody } | { readonly ok: false; readonly message: string } {
  try {
    const read = v1UnitBodySchema.safeParse(foldMembers(readJson(text), BODY_SHAPE) ?? {});
    if (read.success) return { ok: true, body: read.data };
    const [issue] = read.error.issues;
    return { ok: false, message: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}` };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return { ok: false, message: error.message };
    throw error;
  }
}
