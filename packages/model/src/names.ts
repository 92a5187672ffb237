import { checkUnitName } from '@fleet/unit-parser';

declare const brand: unique symbol;

/** The full name of a unit, such as `web@1.service`, once checked. */
export type UnitName = string & { readonly [brand]: 'UnitName' };
/** The id of a machine: the content of its `/etc/machine-id`, once checked. */
export type MachineId = string & { readonly [brand]: 'MachineId' };
/** SHA-1 of a serialised unit file, 40 lower case hex digits; made by hashing, never read from text. */
export type UnitHash = string & { readonly [brand]: 'UnitHash' };

/** A checked value, or why the text is none; one line that names the text. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

const MACHINE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Checks a unit name; the message is the original's. */
export function toUnitName(text: string): Parsed<UnitName> {
  const message = checkUnitName(text);
  return message === null ? { ok: true, value: text as UnitName } : { ok: false, message };
}

/**
 * Reads a machine id as `/etc/machine-id` holds it: blanks and the line end round it do not count. systemd's ids are 32 hex
 * digits; like the original, fleet takes any word that can stand in a key.
 */
export function parseMachineId(text: string): Parsed<MachineId> {
  const id = text.trim();
  if (MACHINE_ID.test(id)) return { ok: true, value: id as MachineId };
  return {
    ok: false,
    message: `machine id ${JSON.stringify(id)} is not a word of at most 128 letters, digits, ".", "_" and "-" that begins with a letter or digit`,
  };
}
