import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FleetError } from '@fleet/runtime';
import { IdWatch } from './id-watch.ts';
import type { PresenceStatus } from './presence.ts';
import { TestMachine } from './testing/machine.ts';

const TAKEN: PresenceStatus = { kind: 'duplicate' };
const LONG_MS = 600_000;
const PRESENT: PresenceStatus = { kind: 'present', lease: '1' };

/** A presence that does as the test says, and counts how often it was told to look again. */
class ToldPresence {
  refreshes = 0;
  #status: PresenceStatus = { kind: 'joining' };
  readonly #listeners = new Set<() => void>();

  status(): PresenceStatus {
    return this.#status;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  refresh(): void {
    this.refreshes += 1;
  }

  become(status: PresenceStatus): void {
    this.#status = status;
    for (const listener of this.#listeners) listener();
  }
}

let machine: TestMachine;
let presence: ToldPresence;
let opened: number;
let ending: AbortController;
let running: Promise<void>;
let failure: Error | undefined;

beforeEach(() => {
  machine = new TestMachine();
  presence = new ToldPresence();
  opened = 0;
  failure = undefined;
  ending = new AbortController();
  const { users, clock, id } = machine;
  running = new IdWatch({
    registry: {
      openMirror: (...args) => {
        opened += 1;
        return failure === undefined ? users.openMirror(...args) : Promise.reject(failure);
      },
    },
    machine: id,
    presence,
    clock,
  }).run(ending.signal);
  running.catch(() => undefined);
});
afterEach(async () => {
  ending.abort(new Error('the test is over'));
  await expect(running).rejects.toThrow();
  await machine.close();
});

describe('IdWatch', () => {
  it.each<PresenceStatus>([{ kind: 'joining' }, PRESENT, { kind: 'uncertain', lease: '1' }])('follows nothing while presence is $kind', async (status) => {
    presence.become(status);
    await machine.pass(1000);
    expect({ opened, refreshes: presence.refreshes }).toEqual({ opened: 0, refreshes: 0 });
  });

  const rows: readonly { readonly title: string; readonly leaseMs?: number; readonly during: () => Promise<void>; readonly refreshes: number }[] = [
    { title: 'says nothing while the holder is there', during: () => machine.pass(100_000), refreshes: 0 },
    { title: 'says so once when the lease of the holder ends', leaseMs: 20_000, during: () => machine.pass(20_500), refreshes: 1 },
    {
      title: 'says so once when the holder leaves',
      during: async () => {
        await machine.removeOther();
        await machine.pass(500);
      },
      refreshes: 1,
    },
    {
      title: 'leaves a key that was deleted by hand to its live holder',
      during: async () => {
        await machine.deleteKey(`machines/${machine.id}`);
        await machine.takeId(LONG_MS);
        await machine.pass(10_000);
      },
      refreshes: 0,
    },
    { title: 'says nothing when the holder writes its key anew', during: () => machine.takeId(LONG_MS).then(() => machine.pass(10_000)), refreshes: 0 },
  ];
  it.each(rows)('$title', async ({ leaseMs, during, refreshes }) => {
    await machine.takeId(leaseMs ?? LONG_MS);
    presence.become(TAKEN);
    await machine.settle();
    await during();
    expect({ opened, refreshes: presence.refreshes }).toEqual({ opened: 1, refreshes });
  });

  it('says so when the holder has gone before it could be watched', async () => {
    presence.become(TAKEN);
    await machine.settle();
    await machine.pass(500);
    expect(presence.refreshes).toBe(1);
  });

  it('follows the key once however often presence finds the id taken, and no longer once it has joined', async () => {
    await machine.takeId(LONG_MS);
    for (let round = 0; round < 3; round += 1) {
      presence.become(TAKEN);
      await machine.settle();
    }
    presence.become(PRESENT);
    await machine.settle();
    await machine.deleteKey(`machines/${machine.id}`);
    await machine.pass(1000);
    expect({ opened, refreshes: presence.refreshes }).toEqual({ opened: 1, refreshes: 0 });
  });

  it('begins anew when the id is taken another time', async () => {
    await machine.takeId(LONG_MS);
    for (const status of [TAKEN, PRESENT, TAKEN]) {
      presence.become(status);
      await machine.settle();
    }
    await machine.removeOther();
    await machine.pass(500);
    expect({ opened, refreshes: presence.refreshes }).toEqual({ opened: 2, refreshes: 1 });
  });

  it('fails as the mirror does', async () => {
    failure = new FleetError('no such scope', { code: 'BUG', kind: 'internal' });
    presence.become(TAKEN);
    await expect(running).rejects.toBe(failure);
  });
});
