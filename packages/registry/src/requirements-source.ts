import type { UnitHash, UnitName } from '@fleet/model';
import { createLimiter, isFleetError } from '@fleet/runtime';
import { parseUnitFile, readRequirements, type Requirements } from '@fleet/unit-parser';
import type { UnitRecord } from './records.ts';
import type { Registry } from './registry-types.ts';

/** What a unit's text asks for, or why that cannot be known. */
export type RequirementsResult = { readonly ok: true; readonly requirements: Requirements } | { readonly ok: false; readonly problem: string };

/** How many texts are asked for at a time. */
const MOST_READS = 32;

/**
 * Requirements by unit and text, for engine and agent. Texts never change, so a result is kept for as long as the unit
 * has that text; a missing text is asked for again each time.
 */
export class RequirementsSource {
  readonly #registry: Pick<Registry, 'readText'>;
  readonly #known = new Map<UnitName, { readonly hash: UnitHash; readonly global: boolean; readonly requirements: Requirements }>();
  readonly #limit = createLimiter(MOST_READS);

  constructor(registry: Pick<Registry, 'readText'>) {
    this.#registry = registry;
  }

  /** What is known without asking the store. */
  peek(unit: Pick<UnitRecord, 'name' | 'hash' | 'global'>): Requirements | undefined {
    const known = this.#known.get(unit.name);
    return known?.hash === unit.hash && known.global === unit.global ? known.requirements : undefined;
  }

  /** Throws the store's error when it is away; a text that is missing or cannot be read is a result. */
  async resolve(unit: Pick<UnitRecord, 'name' | 'hash' | 'global'>, signal: AbortSignal): Promise<RequirementsResult> {
    const known = this.peek(unit);
    if (known !== undefined) return { ok: true, requirements: known };
    let text: string;
    try {
      text = await this.#limit(() => this.#registry.readText(unit.hash, { signal }), signal);
    } catch (error) {
      if (isFleetError(error, 'UNIT_TEXT_MISSING')) return { ok: false, problem: `its text ${unit.hash} is missing from the registry` };
      throw error;
    }
    const parsed = parseUnitFile(text);
    if (!parsed.ok) return { ok: false, problem: `its text ${unit.hash} cannot be read: ${parsed.error.message}` };
    // Whether a unit is global was settled when it was submitted.
    const requirements = { ...readRequirements(parsed.options, unit.name), global: unit.global };
    this.#known.set(unit.name, { hash: unit.hash, global: unit.global, requirements });
    return { ok: true, requirements };
  }

  forget(name: UnitName): void {
    this.#known.delete(name);
  }
}
