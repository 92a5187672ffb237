import type { UnitHash } from '@fleet/model';
import { parseUnitFile, unitDescription, type UnitOption } from '@fleet/unit-parser';
import { FleetError } from '@fleet/runtime';
import { writeJson } from '../http/json-write.ts';

/** What listings need of a unit file. */
export interface UnitText {
  /** The option list as JSON of version 1, empty members left out. */
  readonly optionsJson: string;
  /** Empty if there is none. */
  readonly description: string;
}

export interface UnitTextsOptions {
  readonly readText: (hash: UnitHash, options: { readonly signal?: AbortSignal }) => Promise<string>;
  /** Bound of what is kept, in characters; 32 Mi unless told. */
  readonly maxSize?: number;
  /** Reads at a time; 32 unless told. */
  readonly concurrency?: number;
}

/** Parsed unit files by hash: immutable, so kept while there is room, least recently used first to go. */
export class UnitTexts {
  readonly #options: UnitTextsOptions;
  readonly #maxSize: number;
  readonly #concurrency: number;
  readonly #known = new Map<UnitHash, UnitText>();
  readonly #reading = new Map<UnitHash, Promise<UnitText>>();
  readonly #waiting: (() => void)[] = [];
  #size = 0;
  #active = 0;

  constructor(options: UnitTextsOptions) {
    this.#options = options;
    this.#maxSize = options.maxSize ?? 32 * 1024 * 1024;
    this.#concurrency = options.concurrency ?? 32;
  }

  get size(): number {
    return this.#size;
  }

  /** The text if it is at hand. */
  peek(hash: UnitHash): UnitText | undefined {
    return this.#known.get(hash);
  }

  /** Throws what `readText` throws, or `UNIT_TEXT_INVALID` for a stored text that cannot be parsed. */
  async get(hash: UnitHash): Promise<UnitText> {
    const known = this.#known.get(hash);
    if (known !== undefined) {
      this.#known.delete(hash);
      this.#known.set(hash, known);
      return known;
    }
    const reading = this.#reading.get(hash);
    if (reading !== undefined) return await reading;
    const started = this.#read(hash).finally(() => this.#reading.delete(hash));
    this.#reading.set(hash, started);
    return await started;
  }

  clear(): void {
    this.#known.clear();
    this.#size = 0;
  }

  async #read(hash: UnitHash): Promise<UnitText> {
    if (this.#active >= this.#concurrency) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#active += 1;
    try {
      const text = summarise(hash, await this.#options.readText(hash, {}));
      this.#keep(hash, text);
      return text;
    } finally {
      this.#active -= 1;
      this.#waiting.shift()?.();
    }
  }

  #keep(hash: UnitHash, text: UnitText): void {
    this.#known.set(hash, text);
    this.#size += sizeOf(text);
    for (const [oldest, old] of this.#known) {
      if (this.#size <= this.#maxSize || oldest === hash) break;
      this.#known.delete(oldest);
      this.#size -= sizeOf(old);
    }
  }
}

function sizeOf(text: UnitText): number {
  return text.optionsJson.length + text.description.length + 200;
}

/** @throws FleetError `UNIT_TEXT_INVALID` */
export function parseStoredText(hash: string, text: string): readonly UnitOption[] {
  const read = parseUnitFile(text);
  if (read.ok) return read.options.map(({ section, name, value }) => ({ section, name, value }));
  throw new FleetError(`stored unit file ${hash} cannot be read: ${read.error.message}`, { code: 'UNIT_TEXT_INVALID', kind: 'internal' });
}

function summarise(hash: UnitHash, text: string): UnitText {
  const options = parseStoredText(hash, text);
  return { optionsJson: writeJson(options.map(toWire)), description: unitDescription(options) };
}

/** Members in alphabetical order, empty ones left out. */
function toWire({ name, section, value }: UnitOption): unknown {
  return { ...(name !== '' && { name }), ...(section !== '' && { section }), ...(value !== '' && { value }) };
}
