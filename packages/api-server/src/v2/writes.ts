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
import type { KnownUnit, Registry, UnitChange, UnitRecord } from '@fleet/registry';
import { createLimiter, FleetError, isFleetError, type Logger } from '@fleet/runtime';
import { admitName, admitOptions, admitTargetState, admitText } from '../admission.ts';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import { jsonAnswer, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';
import { readJsonBody } from './json-body.ts';

export interface V2WritesOptions {
  readonly registry: Pick<Registry, 'readUnit' | 'findStaleUnits' | 'changeUnits'>;
  readonly cache: ClusterCache;
  readonly logger: Logger;
}

/** What is to be done for one unit of the request: a change, nothing, or an error. */
type Decision =
  | { readonly kind: 'change'; readonly name: string; readonly change: UnitChange; readonly outcome: UnitResult['outcome'] }
  | { readonly kind: 'unchanged'; readonly name: string; readonly generation: number; readonly basis: UnitRecord }
  /** `basis` is the record because of which it fails. */
  | { readonly kind: 'failed'; readonly name: string; readonly error: unknown; readonly basis?: UnitRecord };

/** What became of the decisions: a result for each, and which of them went wrong because what they were made on was old. */
interface Outcome {
  readonly revision: number;
  readonly results: readonly UnitResult[];
  readonly outdated: ReadonlySet<number>;
}

/** Units that are read side by side, of those that another daemon has changed meanwhile. */
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
    const view = await this.#options.cache.acquire(request);
    const names = new Set<string>();
    const first = units.map((unit): Decision => {
      if (names.has(unit.name)) return namedTwice(unit.name);
      names.add(unit.name);
      return decideSubmit(unit, replace, view.known(unit.name) ?? null);
    });
    const reads = createLimiter(READS_AT_A_TIME);
    const decideAgain = async (decisions: readonly Decision[], which: ReadonlySet<number>): Promise<Decision[]> =>
      await Promise.all(
        units.map(async (unit, index) => {
          const known = decisions[index];
          if (known !== undefined && !which.has(index)) return known;
          return await reads(() => this.#decideOnStored(unit, replace, request.signal));
        }),
      );
    const decisions = await decideAgain(first, await this.#findOld(first, request.signal));
    const outcome = await this.#carryOut(decisions, atomic);
    if (outcome.outdated.size === 0) return answer(outcome, atomic);
    // Another daemon was quicker than this one's cache: those are looked at in the store, once.
    const again = await decideAgain(decisions, outcome.outdated);
    if (atomic) return answer(await this.#carryOut(again, atomic), atomic);
    const mended = await this.#carryOut(
      again.filter((_, index) => outcome.outdated.has(index)),
      atomic,
    );
    const rest = mended.results.values();
    const results = outcome.results.map((result, index) => (outcome.outdated.has(index) ? (rest.next().value ?? result) : result));
    return answer({ revision: Math.max(outcome.revision, mended.revision), results, outdated: NONE }, atomic);
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
    return answer(await this.#carryOut(decisions, atomic), atomic);
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
    return answer(await this.#carryOut(decisions, atomic), atomic);
  }

  async #decideOnStored(unit: SubmitUnit, replace: boolean, signal: AbortSignal): Promise<Decision> {
    try {
      return decideSubmit(unit, replace, await this.#options.registry.readUnit(unit.name, { signal }));
    } catch (error) {
      return { kind: 'failed', name: unit.name, error };
    }
  }

  /** Which of the decisions to write nothing were made on a record that the store has no longer; a write finds out by itself. */
  async #findOld(decisions: readonly Decision[], signal: AbortSignal): Promise<ReadonlySet<number>> {
    const bases = decisions.map((decision) => (decision.kind === 'change' ? undefined : decision.basis));
    const known = bases.filter((basis) => basis !== undefined);
    if (known.length === 0) return NONE;
    const stale = new Set(await this.#options.registry.findStaleUnits(known, { signal }));
    return new Set(bases.flatMap((basis, index) => (basis !== undefined && stale.has(basis.name) ? [index] : [])));
  }

  async #carryOut(decisions: readonly Decision[], atomic: boolean): Promise<Outcome> {
    const { registry, cache, logger } = this.#options;
    if (atomic && decisions.some((decision) => decision.kind === 'failed')) {
      const results = decisions.map((decision): UnitResult => (decision.kind === 'failed' ? failed(decision.name, decision.error) : { name: decision.name, outcome: 'not-attempted' }));
      return { revision: 0, results, outdated: NONE };
    }
    const planned = decisions.flatMap((decision) => (decision.kind === 'change' ? [decision] : []));
    // Not cancelled with the request: once sent, writes are better known than unknown.
    const outcomes = planned.length === 0 ? [] : await registry.changeUnits(planned.map(({ change }) => change), { atomic });
    const byName = new Map(outcomes.map((outcome) => [outcome.name as string, outcome]));
    const revision = Math.max(0, ...outcomes.map((outcome) => (outcome.ok ? outcome.revision : 0)));
    const outdated = new Set<number>();
    const results = decisions.map((decision, index): UnitResult => {
      const { name } = decision;
      if (decision.kind === 'failed') return failed(name, decision.error);
      if (decision.kind === 'unchanged') return { name, outcome: 'unchanged', generation: decision.generation };
      const outcome = byName.get(name);
      if (outcome === undefined || (!outcome.ok && isFleetError(outcome.error, 'CHANGE_NOT_APPLIED'))) return { name, outcome: 'not-attempted' };
      if (!outcome.ok) {
        if (OUTDATED.some((code) => isFleetError(outcome.error, code))) outdated.add(index);
        return failed(name, outcome.error);
      }
      return decision.outcome === 'destroyed' ? { name, outcome: 'destroyed' } : { name, outcome: decision.outcome, generation: outcome.generation };
    });
    await cache.waitForWrite(revision);
    logger.info('units changed', { units: planned.length, failed: results.filter(({ outcome }) => outcome === 'failed').length, revision });
    return { revision, results, outdated };
  }
}

const NONE: ReadonlySet<number> = new Set();
/** Failures of a change that was decided on what is not so any more. */
const OUTDATED = ['UNIT_EXISTS', 'UNIT_CHANGED', 'UNIT_NOT_FOUND'];

/** What is to be done for one unit, by what is stored of it. */
function decideSubmit(unit: SubmitUnit, replace: boolean, known: KnownUnit | null): Decision {
  try {
    const name = admitName(unit.name);
    const admitted = unit.text === undefined ? admitOptions(unit.options ?? []) : admitText(unit.text);
    const wanted = unit.desiredState === undefined ? undefined : admitTargetState(name, unit.desiredState);
    if (known === null) return { kind: 'change', name, change: { kind: 'create', name, ...admitted, targetState: wanted ?? 'inactive' }, outcome: 'created' };
    const existing = known.unit;
    const targetState = wanted ?? existing.targetState;
    if (existing.hash === admitted.hash) {
      if (targetState === existing.targetState) return { kind: 'unchanged', name, generation: existing.generation, basis: existing };
      return { kind: 'change', name, change: { kind: 'target', name, targetState, known }, outcome: 'changed' };
    }
    if (replace) return { kind: 'change', name, change: { kind: 'replace', name, ...admitted, targetState, expect: existing.revision, known }, outcome: 'replaced' };
    const error = new FleetError(`unit ${name} exists already with another unit file`, { code: 'UNIT_EXISTS', kind: 'conflict', remedy: 'ask for its replacement, or destroy it first' });
    return { kind: 'failed', name, error, basis: existing };
  } catch (error) {
    return { kind: 'failed', name: unit.name, error };
  }
}

function answer({ revision, results }: Outcome, atomic: boolean): Answer {
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
