import {
  v1Paths,
  type BulkResult,
  type CallOptions,
  type FleetApi,
  type MachineInfo,
  type SubmitUnit,
  type UnitDetail,
  type UnitResult,
  type UnitStateInfo,
  type UnitSummary,
  type V1Machine,
  type V1Unit,
  type V1UnitState,
} from '@fleet/api/wire';
import { isTargetState, type TargetState } from '@fleet/model';
import { FleetError, type Clock } from '@fleet/runtime';
import { hashUnitFile, isGlobal, parseUnitFile, unitDescription, type UnitOption } from '@fleet/unit-parser';
import { apiError, isApiError } from './errors.ts';
import { exchangeJson, exchangeText } from './exchange.ts';
import type { HttpClient } from './http/http-client.ts';
import { exactName, nameFilter } from './names-filter.ts';
import { pollChanges, type Listing } from './poll-changes.ts';

/** Pages of one listing; the original counts them in 16 bits. */
const MAX_PAGES = 65_535;
const MAX_EMPTY_PAGES = 3;
const PARALLEL = 8;

export interface LegacyApiOptions {
  readonly http: HttpClient;
  readonly clock: Clock;
}

/**
 * The same interface over version 1, for an original fleetd: summaries are made from whole units, changes by polling every 250 ms. What version 1
 * cannot know stays empty: generations are 0, nothing is ever pending with a reason, there is no history. All or nothing is refused.
 */
export function createLegacyApi({ http, clock }: LegacyApiOptions): FleetApi {
  async function pages<T>(path: string, query: string, read: (page: Readonly<Record<string, unknown>>) => readonly T[], call: CallOptions): Promise<T[]> {
    const all: T[] = [];
    const seen = new Set<string>();
    let token = '';
    let empty = 0;
    for (let page = 1; page <= MAX_PAGES; page += 1) {
      const next = token === '' ? '' : `&nextPageToken=${encodeURIComponent(token)}`;
      const body = await exchangeJson(http, { method: 'GET', path: `${path}?alt=json${next}${query}`, signal: call.signal }, readObject);
      const items = read(body);
      all.push(...items);
      token = typeof body['nextPageToken'] === 'string' ? body['nextPageToken'] : '';
      if (token === '') return all;
      empty = items.length === 0 ? empty + 1 : 0;
      if (seen.has(token) || empty > MAX_EMPTY_PAGES) break;
      seen.add(token);
    }
    throw new FleetError(`${http.url(path)}: the server never stops handing out page tokens`, { code: 'ENDLESS_PAGES', kind: 'internal', remedy: 'report it with the version of fleetd' });
  }

  const listV1Units = (call: CallOptions): Promise<V1Unit[]> => pages(v1Paths.units, '', (page) => listOf(page['units']), call);
  const listV1States = (call: CallOptions, unit = ''): Promise<V1UnitState[]> =>
    pages(v1Paths.states, unit === '' ? '' : `&unitName=${encodeURIComponent(unit)}`, (page) => listOf(page['states']), call);
  const listV1Machines = (call: CallOptions): Promise<V1Machine[]> => pages(v1Paths.machines, '', (page) => listOf(page['machines']), call);

  async function getV1Unit(name: string, call: CallOptions): Promise<V1Unit> {
    return await exchangeJson(http, { method: 'GET', path: `${v1Paths.unit(name)}?alt=json`, signal: call.signal }, (value) => readObject(value) as V1Unit);
  }

  async function put(name: string, body: object, call: CallOptions): Promise<void> {
    await exchangeText(http, { method: 'PUT', path: `${v1Paths.unit(name)}?alt=json`, body: { ...body, name }, signal: call.signal });
  }

  async function eachUnit<T>(items: readonly T[], nameOf: (item: T) => string, atomic: boolean | undefined, work: (item: T) => Promise<UnitResult['outcome']>): Promise<BulkResult> {
    if (atomic === true) {
      throw new FleetError('this fleetd cannot change several units all or nothing', { code: 'NOT_SUPPORTED', kind: 'invalid', remedy: 'upgrade fleetd, or leave out atomic' });
    }
    const results: UnitResult[] = [];
    for (let at = 0; at < items.length; at += PARALLEL) {
      const part = items.slice(at, at + PARALLEL);
      results.push(
        ...(await Promise.all(
          part.map(async (item): Promise<UnitResult> => {
            try {
              return { name: nameOf(item), outcome: await work(item) };
            } catch (error) {
              if (!isApiError(error)) throw error;
              return { name: nameOf(item), outcome: 'failed', error: { name: error.code, kind: error.kind, message: error.reason === '' ? error.message : error.reason } };
            }
          }),
        )),
      );
    }
    return { revision: 0, ok: results.every((result) => result.outcome !== 'failed'), results };
  }

  async function submitOne(unit: SubmitUnit, replace: boolean, call: CallOptions): Promise<UnitResult['outcome']> {
    const options = unit.options ?? readText(unit.text ?? '');
    const before = await getV1Unit(unit.name, call).catch((error: unknown) => {
      if (isApiError(error, 404)) return null;
      throw error;
    });
    const same = before !== null && hashUnitFile(readOptions(before)) === hashUnitFile(options);
    if (before !== null && !same && !replace) {
      throw apiError(409, JSON.stringify({ error: { code: 409, message: `unit ${unit.name} exists with other text`, name: 'UNIT_EXISTS' } }));
    }
    const state = unit.desiredState;
    if (before === null || !same) {
      await put(unit.name, { options }, call);
      const keep = state ?? before?.desiredState ?? 'inactive';
      if (keep !== 'inactive') await put(unit.name, { desiredState: keep }, call);
      return before === null ? 'created' : 'replaced';
    }
    if (state === undefined || state === before.desiredState) return 'unchanged';
    await put(unit.name, { desiredState: state }, call);
    return 'changed';
  }

  async function snapshot(query: { readonly kinds?: readonly string[]; readonly name?: string }, call: CallOptions): Promise<Listing> {
    const wants = (kind: string): boolean => query.kinds === undefined || query.kinds.includes(kind);
    const exact = exactName(query.name);
    const matches = nameFilter(query.name);
    const [units, states, machines] = await Promise.all([
      !wants('units') ? [] : exact === undefined ? listV1Units(call) : getV1Unit(exact, call).then((unit) => [unit], onlyNotFound),
      !wants('states') ? [] : listV1States(call, exact),
      !wants('machines') ? [] : listV1Machines(call),
    ]);
    return {
      units: units.map(toSummary).filter((unit) => matches(unit.name)),
      states: states.map(toState).filter((state) => matches(state.name)),
      machines: machines.map(toMachine),
    };
  }

  return {
    async listUnits(query = {}, call = {}) {
      const matches = nameFilter(query.name);
      const units = (await listV1Units(call)).map(toSummary).filter(
        (unit) =>
          matches(unit.name) &&
          (query.machine === undefined || unit.machineID === query.machine || unit.machineID?.slice(0, 8) === query.machine) &&
          (query.state === undefined || unit.currentState === query.state) &&
          (query.desiredState === undefined || unit.desiredState === query.desiredState),
      );
      return { revision: 0, units };
    },
    async getUnit(name, call = {}): Promise<UnitDetail> {
      try {
        const [unit, states] = await Promise.all([getV1Unit(name, call), listV1States(call, name)]);
        const options = readOptions(unit);
        return { ...toSummary(unit), options, text: '', states: states.filter((state) => state.name === name).map(toState), history: [] };
      } catch (error) {
        if (isApiError(error, 404)) throw apiError(404, JSON.stringify({ error: { code: 404, message: 'unit does not exist', name: 'UNIT_NOT_FOUND' } }));
        throw error;
      }
    },
    async listStates(query = {}, call = {}) {
      const matches = nameFilter(query.name);
      const states = (await listV1States(call, exactName(query.name))).map(toState).filter(
        (state) =>
          matches(state.name) &&
          (query.machine === undefined || state.machineID === query.machine || state.machineID.slice(0, 8) === query.machine) &&
          (query.active === undefined || state.active === query.active),
      );
      return { revision: 0, states };
    },
    async listMachines(query = {}, call = {}) {
      const machines = (await listV1Machines(call)).map(toMachine).filter(
        (machine) =>
          (query.machine === undefined || machine.id === query.machine || machine.id.slice(0, 8) === query.machine) &&
          (query.metadata ?? []).every((pair) => machine.metadata[pair.slice(0, pair.indexOf('='))] === pair.slice(pair.indexOf('=') + 1)),
      );
      return { revision: 0, machines };
    },
    changes: (query, { signal, giveUpAfterMs }) => pollChanges({ clock, signal, giveUpAfterMs, list: (callSignal) => snapshot(query, { signal: callSignal }) }),
    submitUnits: (request, call = {}) => eachUnit(request.units, (unit) => unit.name, request.atomic, (unit) => submitOne(unit, request.replace === true, call)),
    setUnitStates: (request, call = {}) =>
      eachUnit(
        request.changes,
        (change) => change.name,
        request.atomic,
        async (change) => {
          await put(change.name, { desiredState: change.desiredState }, call);
          return 'changed';
        },
      ),
    destroyUnits: (request, call = {}) =>
      eachUnit(
        request.names,
        (name) => name,
        request.atomic,
        async (name) => {
          await exchangeText(http, { method: 'DELETE', path: `${v1Paths.unit(name)}?alt=json`, signal: call.signal });
          return 'destroyed';
        },
      ),
  };
}

function onlyNotFound(error: unknown): never[] {
  if (isApiError(error, 404)) return [];
  throw error;
}

function readObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function listOf(value: unknown): readonly object[] {
  return Array.isArray(value) ? value.filter((item): item is object => typeof item === 'object' && item !== null) : [];
}

function readOptions(unit: V1Unit): UnitOption[] {
  return (unit.options ?? []).map((option) => ({ section: option.section ?? '', name: option.name ?? '', value: option.value ?? '' }));
}

function readText(text: string): readonly UnitOption[] {
  const read = parseUnitFile(text);
  if (read.ok) return read.options;
  throw apiError(400, JSON.stringify({ error: { code: 400, message: read.error.message, name: 'INVALID_UNIT' } }));
}

function toTarget(word: string | undefined): TargetState {
  return word !== undefined && isTargetState(word) ? word : 'inactive';
}

function toSummary(unit: V1Unit): UnitSummary {
  const options = readOptions(unit);
  const description = unitDescription(options);
  const global = isGlobal(options);
  return {
    name: unit.name ?? '',
    hash: hashUnitFile(options),
    desiredState: toTarget(unit.desiredState),
    currentState: global ? 'inactive' : toTarget(unit.currentState),
    ...(unit.machineID === undefined || unit.machineID === '' ? {} : { machineID: unit.machineID }),
    global,
    generation: 0,
    ...(description === '' ? {} : { description }),
  };
}

function toState(state: V1UnitState): UnitStateInfo {
  return {
    name: state.name ?? '',
    machineID: state.machineID ?? '',
    hash: state.hash ?? '',
    load: state.systemdLoadState ?? '',
    active: state.systemdActiveState ?? '',
    sub: state.systemdSubState ?? '',
    asked: 'launched',
    generation: 0,
  };
}

function toMachine(machine: V1Machine): MachineInfo {
  const primaryIP = machine.primaryIP ?? '';
  return { id: machine.id ?? '', ...(primaryIP === '' ? {} : { primaryIP }), metadata: machine.metadata ?? {}, version: '', units: 0 };
}
