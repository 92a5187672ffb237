import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { MachineId, UnitName } from '@fleet/model';
import { matchGlob } from '@fleet/unit-parser';
import { countBits, createBits, eachBit, setBit } from './bits.ts';
import { MachineEntry, UNDEFINED, UnitEntry } from './entries.ts';
import { LoadBuckets } from './load-buckets.ts';
import { sortBytes } from './order.ts';
import { PatternIndex } from './pattern-index.ts';
import { SlotTable } from './slot-table.ts';

describe('slots of machines', () => {
  it('stay in byte order of ids through any joins and leaves', () => {
    const id = fc.string({ unit: fc.constantFrom('0', '4', '9', 'a', 'e', 'f'), minLength: 1, maxLength: 4 });
    const changes = fc.array(fc.tuple(fc.boolean(), id), { maxLength: 300 });
    fc.assert(
      fc.property(changes, (steps) => {
        const table = new SlotTable();
        const present = new Map<string, MachineEntry>();
        for (const [joins, name] of steps) {
          const known = present.get(name);
          if (!joins && known !== undefined) {
            table.remove(known);
            present.delete(name);
          } else if (joins && known === undefined) {
            const machine = new MachineEntry({ id: name as MachineId, metadata: {} });
            if (!table.insert(machine)) table.deal([...present.values(), machine]);
            present.set(name, machine);
          }
        }
        expect(table.machines().map((machine) => machine.id)).toEqual(sortBytes(present.keys()));
        expect(table.size).toBe(present.size);
        for (const machine of present.values()) expect(table.at(machine.slot)).toBe(machine);
      }),
    );
  });
});

describe('buckets of machines by load', () => {
  it('give the least loaded of any set, the smallest slot among equals', () => {
    const capacity = 96;
    const slot = fc.nat(capacity - 1);
    fc.assert(
      fc.property(fc.uniqueArray(slot, { minLength: 1 }), fc.array(fc.tuple(slot, fc.integer({ min: -2, max: 5 }))), fc.uniqueArray(slot), (slots, moves, wanted) => {
        const loads = new LoadBuckets(capacity);
        const plain = new Map(slots.map((each) => [each, 0]));
        for (const each of slots) loads.add(each);
        for (const [each, by] of moves) {
          const load = plain.get(each);
          if (load === undefined || load + by < 0) continue;
          plain.set(each, load + by);
          loads.change(each, by);
        }
        const mask = createBits(capacity);
        for (const each of wanted) setBit(mask, each);
        const sorted = [...plain].filter(([each]) => wanted.includes(each)).sort((a, b) => a[1] - b[1] || a[0] - b[0]);
        expect(loads.first(mask)).toBe(sorted[0]?.[0] ?? -1);
        expect([...loads.inOrder(mask)]).toEqual(sorted.map(([each]) => each));
        const loaded = createBits(capacity);
        loads.orLoadedInto(loaded);
        expect([...eachBit(loaded)]).toEqual([...plain].flatMap(([each, load]) => (load > 0 ? [each] : [])).sort((a, b) => a - b));
        expect(countBits(loads.all)).toBe(plain.size);
      }),
    );
  });
});

describe('patterns and names', () => {
  const name = fc.tuple(fc.constantFrom('a', 'ab', 'web@', 'w'), fc.constantFrom('', '1', '2'), fc.constantFrom('.service', '.socket', '')).map((parts) => parts.join(''));
  const part = fc.constantFrom('a', 'web@', '*', '?', '[a-b]', '.service', '.socket', '1', '\\a', '[', '**');
  const pattern = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
  const unit = fc.record({ name, patterns: fc.array(pattern, { maxLength: 2 }) });

  it('find each other as if every pattern were tried on every name', () => {
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 40 }), fc.array(name, { maxLength: 20 }), (units, leaving) => {
        const entries = new Map<string, UnitEntry>();
        const index = new PatternIndex(entries);
        for (const { name: each, patterns } of units) {
          if (entries.has(each)) continue;
          const entry = new UnitEntry(each as UnitName);
          entry.unit = { ...UNDEFINED, requirements: { ...UNDEFINED.requirements, conflicts: patterns } };
          entries.set(each, entry);
          index.addName(entry);
          index.enlist(entry, () => undefined);
        }
        for (const each of leaving) {
          const entry = entries.get(each);
          if (entry === undefined) continue;
          index.delist(entry);
          index.removeName(entry);
          entries.delete(each);
        }
        for (const entry of entries.values()) {
          for (const other of entries.values()) {
            const wanted = entry.unit.requirements.conflicts.some((text) => matchGlob(text, other.name));
            expect(entry.conflicts.some((each) => each.matches(other))).toBe(wanted);
            expect(index.matching(other).some((each) => each.conflictDeclarers.has(entry))).toBe(wanted);
          }
        }
      }),
    );
  });

  it('find each other where many patterns share their ends, and names come and go', () => {
    const number = fc.nat(40);
    const crowd = fc.constantFrom<(i: number) => string>(
      (i) => `*-${i}?.service`,
      (i) => `web-*-${i}?.service`,
      (i) => `web-*-a${i}*-main.service`,
      (i) => `?eb-*${i}[0-9]*.service`,
      (i) => `*${i}*`,
    );
    const named = fc.tuple(fc.constantFrom('web', 'db', 'web-x'), number, fc.constantFrom('', '-main')).map(([a, i, b]) => `${a}-${i}${i % 2 === 0 ? '' : `-a${i}`}${b}.service`);
    const step = fc.record({ name: named, leaves: fc.integer({ min: 0, max: 3 }).map((each) => each === 0), pattern: fc.tuple(crowd, number).map(([make, i]) => make(i)) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 200, size: 'max' }), (steps) => {
        const entries = new Map<string, UnitEntry>();
        const index = new PatternIndex(entries);
        for (const { name: each, leaves, pattern: text } of steps) {
          const known = entries.get(each);
          if (known !== undefined) index.delist(known);
          if (known !== undefined && leaves) {
            index.removeName(known);
            entries.delete(each);
            continue;
          }
          const entry = known ?? new UnitEntry(each as UnitName);
          entries.set(each, entry);
          if (known === undefined) index.addName(entry);
          entry.unit = { ...UNDEFINED, requirements: { ...UNDEFINED.requirements, conflicts: [text] } };
          index.enlist(entry, () => undefined);
        }
        for (const { conflicts } of entries.values()) {
          for (const each of conflicts) {
            const wanted = [...entries.keys()].filter((other) => matchGlob(each.text, other)).sort();
            expect([...each.names].map((entry) => entry.name).sort()).toEqual(wanted);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('forget patterns that nobody declares any more', () => {
    const target = new UnitEntry('target.service' as UnitName);
    const index = new PatternIndex(new Map([[target.name, target]]));
    index.addName(target);
    for (let round = 0; round < 5000; round++) {
      const entry = new UnitEntry(`unit-${round}.service` as UnitName);
      entry.unit = { ...UNDEFINED, requirements: { ...UNDEFINED.requirements, conflicts: [`t*${'?'.repeat(round % 7)}*${round}*`, 'target*'] } };
      index.enlist(entry, () => undefined);
      index.delist(entry);
    }
    expect(target.matching.length).toBeLessThan(600);
  });
});
