import { describe, expect, it } from '@jest/globals';
import type { UnitName } from '@fleet/model';
import type { StateChange, StateRecord } from '@fleet/registry';
import { FleetError, silentLogger } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { StatePublisher, type UnitReport } from './state-publisher.ts';

const UNIT = 'a.service' as UnitName;
const report = (active: string): UnitReport => ({ load: 'loaded', active, sub: active, hash: 'h' as never, asked: 'launched', generation: 1 });

/** A registry whose writes end when the test says so. */
class SlowRegistry {
  readonly held = new Map<string, string>();
  readonly calls: { readonly changes: readonly StateChange[]; readonly end: (failure?: Error) => void }[] = [];
  written = 0;

  publishStates(_machine: unknown, _session: unknown, _lease: unknown, changes: readonly StateChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        changes,
        end: (failure) => {
          if (failure !== undefined) {
            reject(failure);
            return;
          }
          this.written += 1;
          for (const change of changes) {
            if (change.kind === 'put') this.held.set(change.state.unit, change.state.active);
            else this.held.delete(change.unit);
          }
          resolve();
        },
      });
    });
  }
}

function publisherOn(registry: SlowRegistry): StatePublisher {
  return new StatePublisher({
    registry: registry,
    machine: 'm' as never,
    sessionId: 's',
    presence: { status: () => ({ kind: 'present', lease: '1' }), onChange: () => () => undefined, refresh: () => undefined },
    clock: new FakeClock(),
    logger: silentLogger,
  });
}

/** Lets the writes of a flush end one after the other. */
async function finish(flushing: Promise<void>, registry: SlowRegistry): Promise<void> {
  let done = false;
  const ended = flushing.finally(() => (done = true));
  while (!done) {
    registry.calls.shift()?.end();
    await new Promise((resolve) => void setImmediate(resolve));
  }
  await ended;
}

describe('StatePublisher', () => {
  const rows: readonly { readonly name: string; readonly published: string | null; readonly sent: string | null; readonly meanwhile: string | null }[] = [
    { name: 'a first state that ends while it is written', published: null, sent: 'active', meanwhile: null },
    { name: 'a change that is taken back while it is written', published: 'active', sent: 'failed', meanwhile: 'active' },
    { name: 'an end that is taken back while it is written', published: 'active', sent: null, meanwhile: 'active' },
    { name: 'a change that changes again while it is written', published: 'active', sent: 'failed', meanwhile: 'inactive' },
    { name: 'a change that is said again while it is written', published: 'active', sent: 'failed', meanwhile: 'failed' },
  ];
  it.each(rows)('$name ends up in the registry as it was told last', async ({ published, sent, meanwhile }) => {
    const registry = new SlowRegistry();
    const publisher = publisherOn(registry);
    const said = (active: string | null): void => publisher.set(UNIT, active === null ? null : report(active));
    const { signal } = new AbortController();
    publisher.seed([], '1');
    if (published !== null) {
      said(published);
      await finish(publisher.flush({ signal }), registry);
    }
    said(sent);
    const flushing = publisher.flush({ signal });
    expect(registry.calls).toHaveLength(1);
    said(meanwhile);
    await finish(flushing, registry);
    expect(registry.held.get(UNIT) ?? null).toBe(meanwhile);
    const { written } = registry;
    await finish(publisher.flush({ signal }), registry);
    expect(registry.written).toBe(written);
  });

  it('writes all of a failed write again, with what came meanwhile', async () => {
    const registry = new SlowRegistry();
    const publisher = publisherOn(registry);
    const { signal } = new AbortController();
    publisher.seed([], '1');
    publisher.set(UNIT, report('active'));
    const flushing = publisher.flush({ signal });
    publisher.set(UNIT, null);
    registry.calls.shift()?.end(new FleetError('away', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' }));
    await expect(flushing).rejects.toThrow('away');
    // The failed write may have been carried out all the same.
    registry.held.set(UNIT, 'active');
    await finish(publisher.flush({ signal }), registry);
    expect([...registry.held]).toEqual([]);
  });

  it.each([
    { title: 'writes a state again that was deleted', deleted: true, then: report('active'), held: [[UNIT, 'active']] },
    { title: 'writes no state again that was deleted and has ended', deleted: true, then: null, held: [] },
    { title: 'withdraws a state also after late news of the end of an earlier one', deleted: false, then: null, held: [] },
  ])('$title', async ({ deleted, then, held }) => {
    const registry = new SlowRegistry();
    const publisher = publisherOn(registry);
    const { signal } = new AbortController();
    publisher.seed([], '1');
    publisher.set(UNIT, report('active'));
    await finish(publisher.flush({ signal }), registry);
    if (deleted) registry.held.clear();
    publisher.lost(UNIT);
    publisher.set(UNIT, then);
    await finish(publisher.flush({ signal }), registry);
    expect([...registry.held]).toEqual(held);
  });

  it('writes nothing more when the end of a state that it withdrew is seen', async () => {
    const registry = new SlowRegistry();
    const publisher = publisherOn(registry);
    const { signal } = new AbortController();
    publisher.seed([], '1');
    publisher.set(UNIT, report('active'));
    await finish(publisher.flush({ signal }), registry);
    publisher.set(UNIT, null);
    await finish(publisher.flush({ signal }), registry);
    const { written } = registry;
    publisher.lost(UNIT);
    await finish(publisher.flush({ signal }), registry);
    expect(registry.written).toBe(written);
  });

  it('writes nothing that the registry is known to hold, and everything under a new lease', async () => {
    const registry = new SlowRegistry();
    const { signal } = new AbortController();
    let lease = '1';
    const publisher = new StatePublisher({
      registry: registry,
      machine: 'm' as never,
      sessionId: 's',
      presence: { status: () => ({ kind: 'present', lease: lease }), onChange: () => () => undefined, refresh: () => undefined },
      clock: new FakeClock(),
      logger: silentLogger,
    });
    publisher.seed([{ ...report('active'), unit: UNIT, machine: 'm', revision: 1 } as unknown as StateRecord], '1');
    publisher.set(UNIT, report('active'));
    await finish(publisher.flush({ signal }), registry);
    expect(registry.written).toBe(0);
    lease = '2';
    await finish(publisher.flush({ signal }), registry);
    expect([...registry.held]).toEqual([[UNIT, 'active']]);
  });
});
