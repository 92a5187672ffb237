import { FakeClock } from '@fleet/runtime/testing';
import { beforeEach, describe, expect, it } from '@jest/globals';

import { systemdUnavailable } from '../errors.ts';
import { CallTable } from './call-table.ts';
import type { WireCall } from './wire.ts';

const call = (member: string): WireCall => ({ destination: 'a.b', path: '/', interface: 'a.b', member });

describe('pending calls', () => {
  let clock: FakeClock;
  let sent: string[];
  let stuck: number;
  let table: CallTable;
  beforeEach(() => {
    clock = new FakeClock();
    sent = [];
    stuck = 0;
    table = new CallTable({ clock, window: 4, send: ({ member }) => sent.push(member), onStuck: () => (stuck += 1) });
  });
  const options = { timeoutMs: 1000 };
  const outcome = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

  it('are answered by the serial of their reply, in any order', async () => {
    const [a, b] = [table.call(call('A'), options), table.call(call('B'), options)];
    table.answer({ kind: 'reply', to: 2, body: ['b'] });
    table.answer({ kind: 'error', to: 1, name: 'x.Refused', text: 'no' });
    expect(await b).toEqual(['b']);
    expect(await outcome(a)).toMatchObject({ name: 'BusError', busName: 'x.Refused', message: 'no' });
    expect(clock.pending).toBe(0);
  });

  it('wait for their turn when the window is full', async () => {
    const all = ['A', 'B', 'C', 'D', 'E', 'F'].map((member) => table.call(call(member), options));
    expect(sent).toEqual(['A', 'B', 'C', 'D']);
    table.answer({ kind: 'reply', to: 1, body: [] });
    expect(sent).toEqual(['A', 'B', 'C', 'D', 'E']);
    for (const serial of [2, 3, 4, 5, 6]) table.answer({ kind: 'reply', to: serial, body: [] });
    await Promise.all(all);
  });

  it('have a deadline from when they are sent', async () => {
    const all = ['A', 'B', 'C', 'D', 'E'].map((member) => outcome(table.call(call(member), options)));
    await clock.advance(900);
    table.answer({ kind: 'reply', to: 1, body: [] });
    await clock.advance(100);
    expect(await all[1]).toMatchObject({ code: 'SYSTEMD_TIMEOUT', message: 'systemd did not answer B within 1 s' });
    table.answer({ kind: 'reply', to: 5, body: ['late but in time'] });
    expect(await all[4]).toEqual(['late but in time']);
  });

  it('free their place only with their answer, and too many without one mean a dead peer', async () => {
    const all = ['A', 'B', 'C', 'D', 'E'].map((member) => outcome(table.call(call(member), options)));
    await clock.advance(1000);
    expect(sent).toEqual(['A', 'B', 'C', 'D']);
    expect(stuck).toBe(2);
    table.answer({ kind: 'reply', to: 1, body: [] });
    expect(sent).toEqual(['A', 'B', 'C', 'D', 'E']);
    table.close(systemdUnavailable('gone'));
    expect((await Promise.all(all)).map((error) => (error as { code: string }).code)).toEqual([...Array.from({ length: 4 }, () => 'SYSTEMD_TIMEOUT'), 'SYSTEMD_UNAVAILABLE']);
  });

  it('end with their signal: before, in the queue and under way', async () => {
    const reason = new Error('enough');
    await expect(table.call(call('never'), { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const ending = new AbortController();
    const all = ['A', 'B', 'C', 'D', 'E'].map((member) => outcome(table.call(call(member), { ...options, signal: ending.signal })));
    ending.abort(reason);
    expect(await Promise.all(all)).toEqual(Array.from({ length: 5 }, () => reason));
    table.answer({ kind: 'reply', to: 1, body: [] });
    expect(sent).toEqual(['A', 'B', 'C', 'D']);
  });

  it('all end when the connection does, and none begins after', async () => {
    const gone = systemdUnavailable('gone');
    const all = ['A', 'B', 'C', 'D', 'E'].map((member) => outcome(table.call(call(member), options)));
    table.close(gone);
    expect(await Promise.all(all)).toEqual(Array.from({ length: 5 }, () => gone));
    await expect(table.call(call('F'), options)).rejects.toBe(gone);
    expect(clock.pending).toBe(0);
  });

  it('fail alone when they cannot be sent', async () => {
    const failing = new CallTable({
      clock,
      window: 4,
      send: ({ member }) => {
        if (member === 'bad') throw new TypeError('cannot marshal');
        return 7;
      },
      onStuck: () => undefined,
    });
    const good = failing.call(call('good'), options);
    await expect(failing.call(call('bad'), options)).rejects.toThrow('cannot marshal');
    failing.answer({ kind: 'reply', to: 7, body: [1] });
    expect(await good).toEqual([1]);
  });
});
