import { describe, expect, it } from '@jest/globals';
import { createRandom } from '@fleet/runtime/testing';
import { hashText } from '@fleet/unit-parser';
import { AWAY } from './testing/fresh-machine.ts';
import { ONESHOT, SLEEP, TestMachine } from './testing/machine.ts';

// Whatever users do and whatever fails: once the faults are over, the machine holds what is wanted, the registry says so,
// and nothing was started more often than somebody asked for it.

const NAMES = ['a.service', 'b.service', 'c.service', 'd.service', 'e.service'];
const TEXTS = [SLEEP, '[Service]\nExecStart=/bin/sleep 100000\n', '[Service]\nExecStart=/bin/sleep 200000\n[X-Fleet]\nConflicts=b.service\n', ONESHOT];

/** Watches that can be held back, and none. */
const WATCHED = [undefined, '', 'sched', 'state', 'machines'];

async function story(seed: number): Promise<void> {
  const random = createRandom(seed);
  const next = (below: number): number => random.between(0, below - 1);
  const machine = new TestMachine();
  let running = await machine.start({ stopDeadlineMs: 5000, slowCheckMs: 30_000 });
  const wanted = new Map<string, { text: string; target: 'inactive' | 'loaded' | 'launched'; placed: boolean }>();
  const log: string[] = [];
  const { control } = machine.systemd;
  const pick = (): string => NAMES[next(NAMES.length)] as string;
  try {
    for (let step = 0; step < 60; step += 1) {
      const name = pick();
      const unit = wanted.get(name);
      const action = next(21);
      log.push(`${action} ${name}`);
      switch (action) {
        case 0:
        case 1:
        case 2:
          if (unit === undefined) {
            const text = TEXTS[next(TEXTS.length)] as string;
            const target = next(3) === 0 ? 'loaded' : 'launched';
            await machine.create(name, text, target);
            await machine.place(name);
            wanted.set(name, { text, target, placed: true });
          } else {
            await machine.users.changeUnit({ kind: 'destroy', name: name as never });
            wanted.delete(name);
          }
          break;
        case 3:
        case 4:
          if (unit?.placed === true) {
            const target = unit.target === 'launched' ? 'loaded' : 'launched';
            await machine.users.changeUnit({ kind: 'target', name: name as never, targetState: target });
            wanted.set(name, { ...unit, target });
          }
          break;
        case 5:
          if (unit !== undefined) {
            const text = TEXTS[next(TEXTS.length)] as string;
            if (text === unit.text) break;
            const { unit: record } = (await machine.users.readUnit(name))!;
            await machine.users.changeUnit({ kind: 'replace', name: record.name, text, hash: hashText(text) as never, global: false, targetState: unit.target, expect: record.revision });
            wanted.set(name, { ...unit, text });
          }
          break;
        case 6:
          if (unit?.placed === true) {
            await machine.unplace(name);
            wanted.set(name, { ...unit, placed: false });
          } else if (unit !== undefined) {
            await machine.place(name);
            wanted.set(name, { ...unit, placed: true });
          }
          break;
        case 7:
          if (next(2) === 0) await running.kill();
          else await running.stop();
          running = await machine.start({ stopDeadlineMs: 5000, slowCheckMs: 30_000 });
          break;
        case 8:
          machine.outage = machine.outage === undefined ? AWAY : undefined;
          break;
        case 9:
          control.drop();
          break;
        case 10:
          control.restore();
          break;
        case 11:
          control.refuseStart(name, next(2) === 0 ? 'not today' : undefined);
          break;
        case 12:
          control.refuseLoad(name, next(2) === 0 ? 'not today' : undefined);
          break;
        case 13:
          control.refuseStop(name, next(2) === 0 ? 'not today' : undefined);
          break;
        case 14:
          if (control.files.has(name)) control.editFile(name, '[Service]\nExecStart=/bin/sleep 5\n');
          break;
        case 15:
          await machine.pass(next(40_000));
          break;
        case 16:
          for (let turn = next(20); turn > 0; turn -= 1) await machine.clock.advance(0);
          break;
        case 17:
          if (control.files.has(name) && control.state(name).load === 'loaded') control.hangStop(name);
          break;
        case 18:
          if (control.files.has(name)) control.removeFile(name);
          break;
        case 19:
          machine.heldWatches = WATCHED[next(WATCHED.length)];
          break;
        case 20:
          machine.onLeaseLoss = machine.onLeaseLoss === 'keep' ? 'stop' : 'keep';
          running.agent.refresh();
          break;
        default:
          throw new Error(`no action ${action}`);
      }
      if (next(3) === 0) for (let turn = next(8); turn > 0; turn -= 1) await machine.clock.advance(1);
    }
    machine.outage = undefined;
    machine.heldWatches = undefined;
    control.restore();
    for (const name of NAMES) {
      control.refuseStart(name, undefined);
      control.refuseLoad(name, undefined);
      control.refuseStop(name, undefined);
    }
    await machine.pass(200_000);

    const here = [...wanted].filter(([, unit]) => unit.placed).sort(([a], [b]) => (a < b ? -1 : 1));
    const blocked = here.some(([name, unit]) => name !== 'b.service' && unit.text.includes('Conflicts')) && here.some(([name]) => name === 'b.service');
    // Of units in conflict the first by name stays, so b.service has to go.
    const held = here.filter(([name]) => !(blocked && (name === 'b.service' ? here.some(([other, unit]) => other < name && unit.text.includes('Conflicts')) : false)));
    const out = blocked ? held.filter(([name, unit]) => !(unit.text.includes('Conflicts') && name > 'b.service' && held.some(([other]) => other === 'b.service'))) : held;
    expect({ seed, log, files: [...control.files].sort(([a], [b]) => (a < b ? -1 : 1)) }).toEqual({ seed, log, files: out.map(([name, unit]) => [name, unit.text]) });
    const published = await machine.published();
    expect({ seed, published: Object.keys(published).sort() }).toEqual({ seed, published: out.map(([name]) => name) });
    for (const [name, unit] of out) {
      expect({ seed, log, name, reason: undefined, ...published[name] }).toMatchObject({ asked: unit.target, hash: hashText(unit.text), load: 'loaded', ...(published[name]?.active === 'failed' ? {} : { reason: undefined }) });
      // Units that were edited by hand or stopped by nobody run when they are wanted to.
      if (unit.target === 'launched' && unit.text !== ONESHOT) expect({ seed, log, name, running: control.running().includes(name) }).toMatchObject({ running: true });
      if (unit.target === 'loaded') expect({ seed, log, name, running: control.running().includes(name) }).toMatchObject({ running: false });
    }
    expect(await machine.isRegistered()).toBe(true);
    const before = await machine.revision();
    await machine.pass(100_000);
    expect({ seed, revision: await machine.revision() }).toEqual({ seed, revision: before });
  } finally {
    await machine.close();
  }
}

describe('any story', () => {
  const stories = Number(process.env.FLEET_TEST_STORIES ?? '25');
  const from = Number(process.env.FLEET_TEST_SEED ?? '1');
  it.each(Array.from({ length: stories }, (_, index) => from + index))('ends as wanted: seed %i', async (seed) => {
    await story(seed);
  });
});
