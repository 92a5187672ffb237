import type { MachineId } from '@fleet/model';
import type { Registry } from '@fleet/registry';
import { shutdownReason, Wakeup, type Clock, type Component } from '@fleet/runtime';
import type { Presence } from './presence.ts';

export interface IdWatchOptions {
  readonly registry: Pick<Registry, 'openMirror'>;
  readonly machine: MachineId;
  readonly presence: Pick<Presence, 'status' | 'onChange' | 'refresh'>;
  readonly clock: Clock;
}

/** A live holder whose key was deleted by hand writes it again at once, and goes first. */
const HOLDER_FIRST_MS = 250;

/**
 * Makes presence try again as soon as another session lets go of this machine's id, as the one before the last boot does
 * when its lease ends. Without it presence tries all the same, with growing delays.
 *
 * It has a mirror of its own for as long as the id is taken: the agent's is opened once the machine is registered, so
 * that it is no older than the registration from the start.
 */
export class IdWatch implements Component {
  readonly name = 'id-watch' as const;
  readonly #options: IdWatchOptions;
  readonly #changed = new Wakeup();

  constructor(options: IdWatchOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#options.presence.onChange(() => {
      this.#changed.wake();
    });
    try {
      for (;;) {
        while (!this.#isTaken()) await this.#changed.wait(signal);
        await this.#whileTaken(signal);
      }
    } finally {
      unsubscribe();
    }
  }

  #isTaken(): boolean {
    return this.#options.presence.status().kind === 'duplicate';
  }

  async #whileTaken(signal: AbortSignal): Promise<void> {
    const end = new AbortController();
    const watching = this.#watch(AbortSignal.any([signal, end.signal]));
    const waiting = async (): Promise<void> => {
      while (this.#isTaken()) await this.#changed.wait(signal);
    };
    try {
      await Promise.race([waiting(), watching]);
    } finally {
      end.abort(shutdownReason);
      await watching.catch(() => undefined);
    }
  }

  async #watch(signal: AbortSignal): Promise<never> {
    const { registry, machine, presence, clock } = this.#options;
    const look = new Wakeup();
    const mirror = await registry.openMirror({ kind: 'machine', machine }, { signal });
    mirror.subscribe(({ changes }) => {
      if (changes.some(({ kind }) => kind === 'machines')) look.wake();
    });
    const isFree = (): boolean => !mirror.records('machines').has(machine);
    for (;;) {
      if (isFree()) {
        await clock.sleep(HOLDER_FIRST_MS, { signal });
        if (isFree()) presence.refresh();
      }
      await look.wait(signal);
    }
  }
}
