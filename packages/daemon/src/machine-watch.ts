import type { MachineId } from '@fleet/model';
import { describeError, type Clock, type Component, type Logger } from '@fleet/runtime';

export interface MachineWatchOptions {
  readonly machine: MachineId;
  readonly detectAddress: () => Promise<string>;
  /** Reads the id of this machine again; throws when that fails. */
  readonly readId?: (() => Promise<string>) | undefined;
  readonly onAddress: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 60 s unless told, as in the original. */
  readonly everyMs?: number;
}

/**
 * Keeps the detected address of this machine up to date; a failure keeps the last good one. A changed machine id is
 * only reported: half of a daemon cannot be another machine than the other half, so it takes a restart.
 */
export class MachineWatch implements Component {
  readonly name = 'machine-watch' as const;
  readonly #options: MachineWatchOptions;
  #address = '';
  #reported = '';

  constructor(options: MachineWatchOptions) {
    this.#options = options;
  }

  get address(): string {
    return this.#address;
  }

  async look(): Promise<void> {
    const { detectAddress, onAddress, logger } = this.#options;
    try {
      const address = await detectAddress();
      if (address !== this.#address) {
        logger.info('address of this machine', { address, before: this.#address });
        this.#address = address;
        onAddress();
      }
      await this.#lookAtId();
    } catch (error) {
      logger.warn('facts about this machine could not be read', { error: describeError(error) });
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(this.#options.everyMs ?? 60_000, { signal });
      await this.look();
    }
  }

  async #lookAtId(): Promise<void> {
    const { machine, readId, logger } = this.#options;
    if (readId === undefined) return;
    const id = await readId();
    if (id !== machine && id !== this.#reported) logger.error('machine id has changed, restart fleetd to take it over', { machine, now: id });
    this.#reported = id;
  }
}
