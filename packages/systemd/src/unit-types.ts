import type { UNIT_TYPES } from '@fleet/unit-parser';

import { unitRefused } from './errors.ts';

/**
 * The types of units that fleet runs, one list for every adapter: those that systemd loads from a file and that the
 * API accepts (`UNIT_TYPES` of the unit parser). `scope` and `snapshot` have no unit files; `busname` is gone from systemd.
 */
export const MANAGED_UNIT_TYPES = ['service', 'socket', 'timer', 'path', 'device', 'mount', 'automount', 'target', 'slice', 'swap'] as const satisfies readonly (typeof UNIT_TYPES)[number][];

export type ManagedUnitType = (typeof MANAGED_UNIT_TYPES)[number];

const MAX_NAME_LENGTH = 255;

/** The type of a unit by the end of its name; `undefined` for types fleet does not run. */
export function unitTypeOf(name: string): ManagedUnitType | undefined {
  const suffix = name.slice(name.lastIndexOf('.') + 1);
  return name.includes('.') ? MANAGED_UNIT_TYPES.find((type) => type === suffix) : undefined;
}

/**
 * Whether systemd would take this as the name of a unit of a type that fleet runs, so that it is also safe as a file
 * name. Source: systemd `unit_name_is_valid` with UNIT_NAME_ANY; a dot in front is valid there but makes a file hidden.
 */
export function isManagedUnitName(name: string): boolean {
  if (name.length > MAX_NAME_LENGTH || unitTypeOf(name) === undefined) return false;
  const stem = name.slice(0, name.lastIndexOf('.'));
  return /^[A-Za-z0-9:_\\-][A-Za-z0-9:_.\\@-]*$/.test(stem);
}

/** @throws FleetError UNIT_REFUSED naming what is wrong with the name. */
export function checkUnitName(name: string): void {
  if (isManagedUnitName(name)) return;
  const why =
    unitTypeOf(name) === undefined
      ? `its type must be one of ${MANAGED_UNIT_TYPES.join(', ')}`
      : `a name has at most ${MAX_NAME_LENGTH} characters out of letters, digits and ":-_.\\@"`;
  throw unitRefused(`${JSON.stringify(name)} is not a unit name systemd accepts: ${why}`, { remedy: 'rename the unit' });
}
