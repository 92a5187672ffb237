/** The six ways of placing a unit. */
export type UnitKind = 'single' | 'global' | 'together' | 'apart' | 'picky' | 'pinned';

export interface ChaosUnit {
  readonly name: string;
  readonly kind: UnitKind;
  readonly text: string;
  /** Names of the machines it may run on. */
  readonly machines: readonly string[];
  /** The unit whose machine it shares. */
  readonly target?: string;
  /** Started once and then left alone by users, so that every move and restart of it has to have a cause. */
  readonly steady?: boolean;
}

interface MachineName {
  readonly name: string;
  readonly id: string;
}

const service = (options: string): string => `[Unit]\nDescription=%n\n[Service]\nExecStart=/bin/sleep infinity\n${options === '' ? '' : `[X-Fleet]\n${options}\n`}`;

/** The units that a chaos run works with, for three machines or more whose metadata say their host name. */
export function makeCatalogue(machines: readonly MachineName[]): readonly ChaosUnit[] {
  const all = machines.map(({ name }) => name);
  const [first, second, third] = machines;
  if (first === undefined || second === undefined || third === undefined) throw new Error('chaos needs at least three machines');
  const units: ChaosUnit[] = [];
  for (const n of [0, 1, 2]) {
    units.push({ name: `single-${n}.service`, kind: 'single', text: service(''), machines: all });
    units.push({ name: `single@${n}.service`, kind: 'single', text: service(''), machines: all });
    units.push({ name: `apart-${n}.service`, kind: 'apart', text: service('Conflicts=apart-*.service'), machines: all });
  }
  for (const n of [0, 1, 2, 3]) units.push({ name: `steady-${n}.service`, kind: 'single', text: service(''), machines: all, steady: true });
  units.push({ name: 'steady-global.service', kind: 'global', text: service('Global=true'), machines: all, steady: true });
  for (const n of [0, 1]) {
    units.push({ name: `together-${n}.service`, kind: 'together', text: service(`MachineOf=single-${n}.service`), machines: all, target: `single-${n}.service` });
    units.push({ name: `picky-${n}.service`, kind: 'picky', text: service(`MachineMetadata="hostname=${first.name}" "hostname=${second.name}"`), machines: [first.name, second.name] });
  }
  units.push({ name: 'global-0.service', kind: 'global', text: service('Global=true'), machines: all });
  units.push({ name: 'global-1.service', kind: 'global', text: service(`Global=true\nMachineMetadata=hostname=${second.name}`), machines: [second.name] });
  units.push({ name: 'pinned-0.service', kind: 'pinned', text: service(`MachineID=${third.id}`), machines: [third.name] });
  return units;
}
