import { describe, expect, it } from '@jest/globals';
import { ReloadGate } from './reload-gate.ts';

function setUp() {
  const runs: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const gate = new ReloadGate(() => new Promise<void>((resolve, reject) => runs.push({ resolve, reject })));
  return { gate, runs };
}

const turn = () => new Promise(setImmediate);

describe('ReloadGate', () => {
  it('makes one reload of all that ask at once, and one more of all that ask while it runs', async () => {
    const { gate, runs } = setUp();
    const first = [gate.request(), gate.request()];
    await turn();
    expect(runs).toHaveLength(1);
    const later = [gate.request(), gate.request(), gate.request()];
    await turn();
    expect(runs).toHaveLength(1);
    runs[0]?.resolve();
    await Promise.all(first);
    await turn();
    expect(runs).toHaveLength(2);
    runs[1]?.resolve();
    await Promise.all(later);
    const last = gate.request();
    await turn();
    expect(runs).toHaveLength(3);
    runs[2]?.resolve();
    await last;
  });

  it('tells only those whose reload failed', async () => {
    const { gate, runs } = setUp();
    const first = gate.request();
    await turn();
    const second = gate.request();
    runs[0]?.reject(new Error('no systemd'));
    await expect(first).rejects.toThrow('no systemd');
    await turn();
    runs[1]?.resolve();
    await expect(second).resolves.toBeUndefined();
  });
});
