import {
  type ApiErrorInfo,
  type BulkResult,
  destroyRequestSchema,
  MAX_ATOMIC_UNITS,
  setStateRequestSchema,
  submitRequestSchema,
  type SubmitUnit,
  type UnitResult,
} from '@fleet/api';
import type { UnitName } from '@fleet/model';
import type { Registry, UnitChange } from '@fleet/registry';
import { FleetError, isFleetError, type Logger } from '@fleet/runtime';
import { admitName, admitOptions, admitTargetState, admitText } from '../admission.ts';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import { jsonAnswer, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';
import { readJsonBody } from './json-body.ts';

export interface V2WritesOptions {
  readonly registry: Pick<Registry, 'readUnitRecord' | 'changeUnits'>;
  readonly cache: ClusterCache;
  readonly logger: Logger;
}

/** What is to be done for one unit of the request: a change, nothing, or an error. */
type Decision =
  | { readonly kind: 'change'; readonly name: string; readonly change: UnitChange; readonly outcome: UnitResult['outcome'] }
  | { readonly kind: 'unchanged'; readonly name: string; readonly generation: number }
  | { readonly kind: 'failed'; readonly name: string; readonly error: unknown };

/** Units whose records are read side by side. */
const READS_AT_A_TIME = 64;

/** The bulk writes of version 2: a result per unit, all or nothing where asked. */
export class V2Writes {
  readonly #options: V2WritesOptions;

  constructor(options: V2WritesOptions) {
    this.#options = options;
  }

  async submit(request: ApiRequest): Promise<Answer> {
    const { units, replace = false, atomic = false } = await readJsonBody(request, submitRequestSchema);
    checkCount(units.length, atomic);
    const names = new Set<string>();
    const decisions = await mapLimited(units, async (unit): Promise<Decision> => {
      if (names.has(unit.name)) return namedTwice(unit.name);
      names.add(unit.name);
      try {
        return await this.#decideSubmit(unit, replace, request.signal);
      } catch (error) {
        return { kind: 'failed', name: unit.name, error };
      }
    });
    return await this.#apply(decisions, atomic);
  }

  async setState(request: ApiRequest): Promise<Answer> {
    const { changes, atomic = false } = await readJsonBody(request, setStateRequestSchema);
    checkCount(changes.length, atomic);
    const names = new Set<string>();
    const view = this.#options.cache.current;
    const decisions = changes.map(({ name, desiredState }): Decision => {
      if (names.has(name)) return namedTwice(name);
      names.add(name);
      try {
        const targetState = admitTargetState(name, desiredState);
        const known = view?.known(name);
        return { kind: 'change', name, change: { kind: 'target', name: name as UnitName, targetState, ...(known !== undefined && { known }) }, outcome: 'changed' };
      } catch (error) {
        return { kind: 'failed', name, error };
      }
    });
    return await this.#apply(decisions, atomic);
  }

  async destroy(request: ApiRequest): Promise<Answer> {
    const { names, atomic = false } = await readJsonBody(request, destroyRequestSchema);
    checkCount(names.length, atomic);
    const seen = new Set<string>();
    const decisions = names.map((name): Decision => {
      if (seen.has(name)) return namedTwice(name);
      seen.add(name);
      return { kind: 'change', name, change: { kind: 'destroy', name: name as UnitName }, outcome: 'destroyed' };
    });
    return await this.#apply(decisions, atomic);
  }

  async #decideSubmit(unit: SubmitUnit, replace: boolean, signal: AbortSignal): Promise<Decision> {
    const name = admitName(unit.name);
    const admitted = unit.text === undefined ? admitOptions(unit.options ?? []) : admitText(unit.text);
    const wanted = unit.desiredState === undefined ? undefined : admitTargetState(name, unit.desiredState);
    const existing = await this.#options.registry.readUnitRecord(name, { signal });
    if (existing === null) {
      return { kind: 'change', name, change: { kind: 'create', name, ...admitted, targetState: wanted ?? 'inactive' }, outcome: 'created' };
    }
    const targetState = wanted ?? existing.targetState;
    if (existing.hash === admitted.hash) {
      if (targetState === existing.targetState) return { kind: 'unchanged', name, generation: existing.generation };
      return { kind: 'change', name, change: { kind: 'target', name, targetState }, outcome: 'changed' };
    }
    if (replace) return { kind: 'change', name, change: { kind: 'replace', name, ...admitted, targetState, expect: existing.revision }, outcome: 'replaced' };
    const error = new FleetError(`unit ${name} exists already with another unit file`, { code: 'UNIT_EXISTS', kind: 'conflict', remedy: 'ask for its replacement, or destroy it first' });
    return { kind: 'failed', name, error };
  }

  async #apply(decisions: readonly Decision[], atomic: boolean): Promise<Answer> {
    const { registry, cache, logger } = this.#options;
    if (atomic && decisions.some((decision) => decision.kind === 'failed')) {
      return answer(0, decisions.map((decision) => (decision.kind === 'failed' ? failed(decision.name, decision.error) : { name: decision.name, outcome: 'not-attempted' })), true);
    }
    const planned = decisions.flatMap((decision) => (decision.kind === 'change' ? [decision] : []));
    // Not cancelled with the request: once sent, writes are better known than unknown.
    const outcomes = planned.length === 0 ? [] : await registry.changeUnits(planned.map(({ change }) => change), { atomic });
    const byName = new Map(outcomes.map((outcome) => [outcome.name as string, outcome]));
    const revision = Math.max(0, ...outcomes.map((outcome) => (outcome.ok ? outcome.revision : 0)));
    const results = decisions.map((decision): UnitResult => {
      const { name } = decision;
      if (decision.kind === 'failed') return failed(name, decision.error);
      if (decision.kind === 'unchanged') return { name, outcome: 'unchanged', generation: decision.generation };
      const outcome = byName.get(name);
      if (outcome === undefined || (!outcome.ok && isFleetError(outcome.error, 'CHANGE_NOT_APPLIED'))) return { name, outcome: 'not-attempted' };
      if (!outcome.ok) return failed(name, outcome.error);
      return decision.outcome === 'destroyed' ? { name, outcome: 'destroyed' } : { name, outcome: decision.outcome, generation: outcome.generation };
    });
    await cache.waitForWrite(revision);
    logger.info('units changed', { units: planned.length, failed: results.filter(({ outcome }) => outcome === 'failed').length, revision });
    return answer(revision, results, atomic);
  }
}

function answer(revision: number, results: readonly UnitResult[], atomic: boolean): Answer {
  const ok = results.every(({ outcome }) => outcome !== 'failed' && outcome !== 'not-attempted');
  const body: BulkResult = { revision, ok, results };
  return jsonAnswer(atomic && !ok ? 409 : 200, JSON.stringify(body), revision === 0 ? undefined : revision);
}

function namedTwice(name: string): Decision {
  return { kind: 'failed', name, error: new FleetError(`unit ${name} is named twice`, { code: 'DUPLICATE_CHANGE', kind: 'invalid', remedy: 'name each unit once' }) };
}

function failed(name: string, error: unknown): UnitResult {
  return { name, outcome: 'failed', error: describe(error) };
}

function describe(error: unknown): ApiErrorInfo {
  if (!isFleetError(error)) return { name: 'INTERNAL', kind: 'internal', message: 'the daemon failed; its log has more' };
  return { name: error.code, kind: error.kind, message: error.message, ...(error.remedy !== undefined && { remedy: error.remedy }) };
}

function checkCount(count: number, atomic: boolean): void {
  if (!atomic || count <= MAX_ATOMIC_UNITS) return;
  throw new FleetError(`${count} units cannot be changed all or nothing, at most ${MAX_ATOMIC_UNITS} can`, { code: 'TOO_MANY_CHANGES', kind: 'invalid', remedy: 'send fewer at a time' });
}

async function mapLimited<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(READS_AT_A_TIME, items.length) }, worker));
  return results;
}
