import type { ChangeEvent, FleetApi, UnitStateInfo, UnitSummary } from '@fleet/api/wire';
import { FakeClock } from '@fleet/runtime/testing';
import { describe, expect, it } from '@jest/globals';
import { waitForUnits, type WaitOptions, type WaitResult } from './wait-for-units.ts';

const unit = (over: Partial<UnitSummary> = {}): UnitSummary => ({ name: 'a.service', hash: 'h', desiredState: 'launched', currentState: 'inactive', global: false, generation: 1, ...over });
const state = (over: Partial<UnitStateInfo> = {}): UnitStateInfo => ({ name: 'a.service', machineID: 'm1', hash: 'h', load: 'loaded', active: 'active', sub: 'running', asked: 'launched', generation: 1, ...over });
const pending = { summary: '0 of 1 machines: 1 conflicts', machines: 1, rejections: [] };

/** A cluster whose changes the test tells one by one. */
class ToldCluster {
  readonly clock = new FakeClock();
  readonly queries: unknown[] = [];
  private readonly queue: ChangeEvent[] = [];
  private wake: () => void = () => undefined;

  readonly api = {
    changes: (query: unknown, { signal }: { readonly signal: AbortSignal }) => {
      this.queries.push(query);
      return this.stream(signal);
    },
  } as unknown as FleetApi;

  async tell(...changes: ChangeEvent[]): Promise<void> {
    this.queue.push(...changes);
    this.wake();
    await this.clock.advance(0);
  }

  wait(options: Partial<WaitOptions> = {}): Promise<WaitResult> {
    return waitForUnits(this.api, { goals: new Map([['a.service', 'launched']]), clock: this.clock, ...options });
  }

  private async *stream(signal: AbortSignal): AsyncGenerator<ChangeEvent> {
    for (;;) {
      const change = this.queue.shift();
      if (change !== undefined) {
        yield change;
        continue;
      }
      await new Promise<void>((resolve, reject) => {
        this.wake = resolve;
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        if (signal.aborted) reject(signal.reason as Error);
      });
    }
  }
}

const reset = (units: readonly UnitSummary[], states: readonly UnitStateInfo[] = []): ChangeEvent => ({ kind: 'reset', revision: 1, units, states, machines: [{ id: 'm1', primaryIP: '192.0.2.1', metadata: {}, version: '1', units: 0 }] });
const changed = (value: UnitSummary): ChangeEvent => ({ kind: 'unit', id: value.name, revision: 2, value });
const reported = (value: UnitStateInfo): ChangeEvent => ({ kind: 'state', id: `${value.machineID}/${value.name}`, revision: 2, value });

describe('waitForUnits', () => {
  it('follows a unit to its goal, asking for nothing but that unit', async () => {
    const cluster = new ToldCluster();
    const result = cluster.wait();
    await cluster.tell(reset([unit()]));
    await cluster.tell(changed(unit({ machineID: 'm1', currentState: 'launched' })), reported(state()));
    await cluster.clock.advance(50);
    expect(await result).toEqual({ reached: [{ name: 'a.service', state: 'launched', machine: { id: 'm1', info: expect.objectContaining({ primaryIP: '192.0.2.1' }) } }], failures: [] });
    expect(cluster.queries).toEqual([{ name: 'a.service' }]);
    expect(cluster.clock.pending).toBe(0);
  });

  it('does not take a unit for well that dies at once', async () => {
    const cluster = new ToldCluster();
    const result = cluster.wait();
    await cluster.tell(reset([unit({ machineID: 'm1', currentState: 'launched' })], [state()]));
    await cluster.clock.advance(20);
    await cluster.tell(reported(state({ active: 'failed', sub: 'failed' })));
    await cluster.clock.advance(100);
    expect(await result).toMatchObject({ reached: [], failures: [{ kind: 'failed', machine: { id: 'm1' } }] });
  });

  it('gives up on a unit that no machine can take, but not if that lasts an instant only', async () => {
    const cluster = new ToldCluster();
    const result = cluster.wait();
    await cluster.tell(reset([unit({ pending })]));
    await cluster.clock.advance(400);
    await cluster.tell(changed(unit()));
    await cluster.clock.advance(400);
    await cluster.tell(changed(unit({ pending })));
    await cluster.clock.advance(500);
    expect((await result).failures).toMatchObject([{ kind: 'unplaceable', reason: pending.summary }]);
  });

  it('waits on if told to be patient, to the limit', async () => {
    const cluster = new ToldCluster();
    const result = cluster.wait({ patient: true, limitMs: 40_000 });
    await cluster.tell(reset([unit({ pending })]));
    await cluster.clock.advance(39_000);
    expect(cluster.clock.pending).toBe(1);
    await cluster.clock.advance(1_000);
    expect((await result).failures).toMatchObject([{ kind: 'unplaceable', reason: pending.summary }]);
    expect(cluster.clock.pending).toBe(0);
  });

  it('gives up after a minute in which nobody answers', async () => {
    const cluster = new ToldCluster();
    const result = cluster.wait();
    await cluster.tell(reset([unit()]));
    await cluster.clock.advance(60_000);
    expect((await result).failures).toMatchObject([{ kind: 'no-answer', reason: 'waiting for a machine' }]);
  });

  it('reports on every unit, whatever became of the others', async () => {
    const cluster = new ToldCluster();
    const result = cluster.wait({ goals: new Map([['a.service', 'launched'], ['b.service', 'destroyed'], ['c.service', 'inactive']]) });
    await cluster.tell(reset([unit({ pending }), unit({ name: 'c.service' })]));
    await cluster.clock.advance(500);
    expect(await result).toMatchObject({ reached: [{ name: 'b.service' }, { name: 'c.service' }], failures: [{ name: 'a.service' }] });
    expect(cluster.queries).toEqual([{}]);
  });

  it('ends with the reason of the signal, aborted before and during', async () => {
    const reason = new Error('enough');
    await expect(new ToldCluster().wait({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const cluster = new ToldCluster();
    const controller = new AbortController();
    const result = cluster.wait({ signal: controller.signal });
    await cluster.tell(reset([unit()]));
    controller.abort(reason);
    await expect(result).rejects.toBe(reason);
    expect(cluster.clock.pending).toBe(0);
  });
});
