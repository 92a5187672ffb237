import {
  type HistoryEntry,
  type MachineQuery,
  machineQuerySchema,
  stateQuerySchema,
  type UnitDetail,
  type UnitQuery,
  unitQuerySchema,
  type UnitSummary,
} from '@fleet/api';
import { matchesMachineId } from '@fleet/model';
import type { HistoryRecord, Registry, UnitRecord } from '@fleet/registry';
import { FleetError } from '@fleet/runtime';
import { unitDescription } from '@fleet/unit-parser';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import { stateInfo, type ClusterView } from '../cache/cluster-view.ts';
import { KeptAnswers } from '../cache/kept-answers.ts';
import { compareBytes } from '../cache/sorted-names.ts';
import { parseStoredText } from '../cache/texts.ts';
import { jsonAnswer, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';
import { compileName, cursorAfter, pageFrom, readQuery } from './queries.ts';

export interface V2ReadsOptions {
  readonly registry: Pick<Registry, 'readText' | 'readHistory'>;
  readonly cache: ClusterCache;
}

/** Entries of its history shown with a unit. */
const HISTORY_SHOWN = 20;

/** The listings of version 2 and the single unit. */
export class V2Reads {
  readonly #options: V2ReadsOptions;
  readonly #kept = new KeptAnswers();

  constructor(options: V2ReadsOptions) {
    this.#options = options;
  }

  async listUnits(request: ApiRequest): Promise<Answer> {
    const query = readQuery(request, unitQuerySchema, ['metadata']);
    const view = await this.#options.cache.acquire(request);
    // Taken before anything is waited for: what is answered is at least as new as it says.
    const { revision } = view;
    return await this.#kept.get(keyOf('units', request), revision, async () => {
      const wants = unitFilter(view, query);
      const { items, next } = pageFrom(view.unitNames, query, (name) => {
        const unit = view.unit(name);
        return unit !== undefined && wants(unit) ? unit : null;
      });
      const units = await Promise.all(items.map((unit) => this.#withDescription(view.summary(unit))));
      return listing(revision, 'units', units, next);
    });
  }

  async getUnit(request: ApiRequest): Promise<Answer> {
    const { cache, registry } = this.#options;
    const view = await cache.acquire(request);
    const unit = view.unit(request.name);
    if (unit === undefined) throw new FleetError(`unit ${request.name} does not exist`, { code: 'UNIT_NOT_FOUND', kind: 'not-found' });
    // All as of one revision: what is waited for are the text, which never changes, and the history, which only grows.
    const { revision } = view;
    const summary = view.summary(unit);
    const states = [...view.statesOf(unit.name).values()].sort((a, b) => compareBytes(a.machine, b.machine)).map(stateInfo);
    const placementReason = view.known(unit.name)?.placement?.reason;
    const { signal } = request;
    const [text, history] = await Promise.all([registry.readText(unit.hash, { signal }), registry.readHistory(unit.name, { limit: HISTORY_SHOWN, signal })]);
    const options = parseStoredText(unit.hash, text);
    const description = unitDescription(options);
    const detail: UnitDetail = {
      ...summary,
      ...(description !== '' && { description }),
      options,
      text,
      states,
      ...(placementReason !== undefined && { placementReason }),
      history: history.map(historyEntry),
    };
    return jsonAnswer(200, JSON.stringify(detail), revision);
  }

  async listStates(request: ApiRequest): Promise<Answer> {
    const query = readQuery(request, stateQuerySchema, ['metadata']);
    const view = await this.#options.cache.acquire(request);
    return await this.#kept.get(keyOf('states', request), view.revision, () => {
      const name = query.name === undefined ? null : compileName(query.name);
      const onMachine = machineFilter(view, query);
      const { items, next } = pageFrom(view.stateKeys, query, (key) => {
        const at = key.lastIndexOf(' ');
        const state = name?.test(key.slice(0, at)) === false ? undefined : view.state(key.slice(0, at), key.slice(at + 1));
        return state !== undefined && onMachine(state.machine) && (query.active === undefined || state.active === query.active) ? state : null;
      });
      return listing(view.revision, 'states', items.map(stateInfo), next);
    });
  }

  async listMachines(request: ApiRequest): Promise<Answer> {
    const query = readQuery(request, machineQuerySchema, ['metadata']);
    const view = await this.#options.cache.acquire(request);
    return await this.#kept.get(keyOf('machines', request), view.revision, () => {
      const wants = machineFilter(view, query);
      const { items, next } = pageFrom(view.machineIds, query, (id) => (wants(id) ? (view.machine(id) ?? null) : null));
      return listing(view.revision, 'machines', items.map((machine) => view.machineInfo(machine)), next);
    });
  }

  /** A text that cannot be read costs the description only. */
  async #withDescription(summary: UnitSummary): Promise<UnitSummary> {
    const { texts } = this.#options.cache;
    const hash = summary.hash as UnitRecord['hash'];
    const text = texts.peek(hash) ?? (await texts.get(hash).catch(() => undefined));
    return text === undefined || text.description === '' ? summary : { ...summary, description: text.description };
  }
}

function historyEntry({ kind, machine, at, reason, revision }: HistoryRecord): HistoryEntry {
  const where = machine === undefined ? {} : kind === 'unplaced' ? { fromMachineID: machine } : { machineID: machine };
  return { time: new Date(at).toISOString(), revision, event: kind, ...where, ...(reason !== undefined && { reason }) };
}

function keyOf(resource: string, request: ApiRequest): string {
  return JSON.stringify([resource, ...request.query]);
}

function listing(revision: number, member: string, items: readonly unknown[], next: string | undefined): Answer {
  const more = next === undefined ? '' : `,"next":${JSON.stringify(cursorAfter(next))}`;
  return jsonAnswer(200, `{"revision":${revision},"${member}":${JSON.stringify(items)}${more}}`, revision);
}

function unitFilter(view: ClusterView, query: UnitQuery): (unit: UnitRecord) => boolean {
  const name = query.name === undefined ? null : compileName(query.name);
  const onMachine = query.machine === undefined && query.metadata === undefined ? null : machineFilter(view, query);
  return (unit) => {
    if (name?.test(unit.name) === false) return false;
    if (query.desiredState !== undefined && unit.targetState !== query.desiredState) return false;
    if (query.state === undefined && onMachine === null) return true;
    const { machine, currentState } = view.location(unit);
    if (query.state !== undefined && currentState !== query.state) return false;
    if (onMachine === null) return true;
    if (unit.global) return [...view.statesOf(unit.name).keys()].some(onMachine);
    return machine !== null && onMachine(machine);
  };
}

/** Whether a machine is the one asked for and has all the metadata asked for. */
function machineFilter(view: ClusterView, query: MachineQuery): (id: string) => boolean {
  const pairs = (query.metadata ?? []).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
  const known = new Map<string, boolean>();
  const judge = (id: string): boolean => {
    if (query.machine !== undefined && !matchesMachineId(id, query.machine)) return false;
    if (pairs.length === 0) return true;
    const machine = view.machine(id);
    if (machine === undefined) return false;
    const metadata = view.metadata(machine);
    return pairs.every(([key, value]) => metadata[key] === value);
  };
  return (id) => {
    const before = known.get(id);
    if (before !== undefined) return before;
    const fits = judge(id);
    known.set(id, fits);
    return fits;
  };
}

