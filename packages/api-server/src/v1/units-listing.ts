import type { Logger } from '@fleet/runtime';
import { describeError } from '@fleet/runtime';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import type { ClusterView, ViewChange } from '../cache/cluster-view.ts';
import { escapeJson } from '../http/json-write.ts';
import { cutPage, type PageToken } from '../http/page-token.ts';
import type { V1Page } from './page.ts';

/** What `GET units` shows: each unit is kept as JSON until it changes. Belongs to one view. */
export class UnitsListing {
  readonly #view: ClusterView;
  readonly #texts: ClusterCache['texts'];
  readonly #logger: Logger;
  readonly #units = new Map<string, string>();
  /** Units whose text cannot be read: not tried again, and not told again, until the unit changes. */
  readonly #unreadable = new Set<string>();

  constructor(view: ClusterView, texts: ClusterCache['texts'], logger: Logger) {
    this.#view = view;
    this.#texts = texts;
    this.#logger = logger;
    view.subscribe((change) => this.#forget(change));
  }

  /** Throws what reading texts throws when the store is away. */
  async page(token: PageToken): Promise<V1Page> {
    for (;;) {
      const { items, next } = cutPage(this.#view.unitNames.all, token);
      const missing = items.filter((name) => !this.#unreadable.has(name) && this.#json(name) === undefined);
      if (missing.length === 0) return { resource: 'units', items: items.map((name) => this.#json(name)).filter((json) => json !== undefined), next };
      await Promise.all(missing.map((name) => this.#load(name)));
    }
  }

  /** The unit as JSON if its text is at hand. */
  #json(name: string): string | undefined {
    const known = this.#units.get(name);
    if (known !== undefined) return known;
    const unit = this.#view.unit(name);
    const text = unit === undefined ? undefined : this.#texts.peek(unit.hash);
    if (unit === undefined || text === undefined) return undefined;
    const { machine, currentState } = this.#view.location(unit);
    const json = unitJson({ name, options: text.optionsJson, desiredState: unit.targetState, currentState, machine });
    this.#units.set(name, json);
    return json;
  }

  async #load(name: string): Promise<void> {
    const unit = this.#view.unit(name);
    if (unit === undefined) return;
    try {
      await this.#texts.get(unit.hash);
      // More texts than the cache holds: take this one before it goes.
      this.#json(name);
    } catch (error) {
      if (isStoreFailure(error)) throw error;
      this.#unreadable.add(name);
      this.#logger.error('unit left out of the listing', { unit: name, hash: unit.hash, reason: describeError(error) });
    }
  }

  #forget(change: ViewChange): void {
    for (const name of change.units) {
      this.#units.delete(name);
      this.#unreadable.delete(name);
    }
  }
}

function isStoreFailure(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'unavailable';
}

/** A unit of version 1, members in alphabetical order, empty ones left out. `options` is JSON already. */
export function unitJson(unit: {
  readonly name: string;
  readonly options: string;
  readonly desiredState: string;
  /** Left out for a single global unit. */
  readonly currentState: string | null;
  readonly machine: string | null;
}): string {
  const members = [
    ...(unit.currentState === null ? [] : [`"currentState":"${unit.currentState}"`]),
    `"desiredState":"${unit.desiredState}"`,
    ...(unit.machine === null ? [] : [`"machineID":${escapeJson(JSON.stringify(unit.machine))}`]),
    `"name":${escapeJson(JSON.stringify(unit.name))}`,
    ...(unit.options === '[]' ? [] : [`"options":${unit.options}`]),
  ];
  return `{${members.join(',')}}`;
}
