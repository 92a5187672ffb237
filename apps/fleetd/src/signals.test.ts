import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { installSignals, type SignalHandlers } from './signals.ts';

function setUp(handlers: SignalHandlers = {}) {
  const exits: number[] = [];
  const target = Object.assign(new EventEmitter(), { exit: (code: number) => exits.push(code) });
  const signal = installSignals(handlers, target as unknown as NodeJS.Process);
  return { target, signal, exits };
}

describe('installSignals', () => {
  it.each(['SIGTERM', 'SIGINT'])('%s ends in good order, a second one at once', (name) => {
    const { target, signal, exits } = setUp();
    target.emit(name);
    expect(signal.aborted).toBe(true);
    expect(exits).toEqual([]);
    target.emit('SIGTERM');
    expect(exits).toEqual([1]);
  });

  it('hands the others to whoever has come up by then', () => {
    const handlers: SignalHandlers = {};
    const { target, signal } = setUp(handlers);
    for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) target.emit(name);
    const heard: string[] = [];
    Object.assign(handlers, { reload: () => heard.push('reload'), dump: () => heard.push('dump'), confirmEvacuation: () => heard.push('confirm') });
    for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) target.emit(name);
    expect(heard).toEqual(['reload', 'dump', 'confirm']);
    expect(signal.aborted).toBe(false);
  });
});
