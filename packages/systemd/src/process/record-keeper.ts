import { backoffDelayMs, describeError, type Clock, type Logger } from '@fleet/runtime';

import { processStartedAt } from './process-info.ts';
import type { RunRecord, RunRecords } from './run-record.ts';
import type { Service } from './service.ts';

const BACKOFF = { initialMs: 500, maxMs: 15_000 };

/**
 * Keeps the record of each unit as the unit is. One that cannot be written, on a full disk, fails nobody: it is written at
 * the next change of the unit or after a while, until it could be. Until then a manager that dies leaves processes that the
 * next one does not find.
 */
export class RecordKeeper {
  readonly #records: RunRecords;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Units whose record is not what it should be, by name; no service where there should be no record. */
  readonly #late = new Map<string, Service | undefined>();
  #attempts = 0;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(records: RunRecords, options: { readonly clock: Clock; readonly logger: Logger }) {
    this.#records = records;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Writes what the service is now, or removes the record of one that is nothing any more. Never rejects. */
  async keep(service: Service): Promise<void> {
    await this.#attempt(service.name, service);
    this.#retryLater();
  }

  remove(name: string): void {
    this.#settle(name, undefined, () => this.#records.remove(name));
    this.#retryLater();
  }

  /** Tries once more what is late; nothing is tried later. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    await this.#attemptLate();
  }

  async #attempt(name: string, service: Service | undefined): Promise<void> {
    const record = service === undefined ? undefined : await describe(service);
    this.#settle(name, service, () => {
      if (record === undefined) this.#records.remove(name);
      else this.#records.write(name, record);
    });
  }

  #settle(name: string, service: Service | undefined, write: () => void): void {
    try {
      write();
      if (this.#late.delete(name)) this.#logger.info('record of a unit is right again', { unit: name });
    } catch (error) {
      // Once is enough for people.
      this.#logger[this.#late.has(name) ? 'debug' : 'warn']('record of a unit cannot be written, will try again', {
        unit: name,
        error: describeError(error),
        remedy: 'make room on the disk of the state directory and see that it can be written; until then fleet does not find this unit again if it is killed',
      });
      this.#late.set(name, service);
    }
  }

  #retryLater(): void {
    if (this.#late.size === 0) this.#attempts = 0;
    if (this.#closed || this.#late.size === 0 || this.#cancelRetry !== undefined) return;
    this.#cancelRetry = this.#clock.schedule(backoffDelayMs(this.#attempts, BACKOFF), () => {
      this.#cancelRetry = undefined;
      this.#attempts += 1;
      void this.#attemptLate().then(() => this.#retryLater());
    });
  }

  async #attemptLate(): Promise<void> {
    for (const name of [...this.#late.keys()]) if (this.#late.has(name)) await this.#attempt(name, this.#late.get(name));
  }
}

async function describe(service: Service): Promise<Omit<RunRecord, 'boot'> | undefined> {
  const { main } = service;
  const described = await Promise.all(service.groups.map(async (group) => ({ group: group.id, startedAt: (await processStartedAt(group.id)) ?? '' })));
  const { active, sub, result = 'success' } = service.state;
  if (!service.held && described.length === 0) return undefined;
  const own = described.find(({ group }) => group === main?.id);
  return { active, sub, result, ...(own === undefined ? {} : { main: own }), others: described.filter((one) => one !== own) };
}
