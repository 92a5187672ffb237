import type { MachineInfo, UnitStateInfo, UnitSummary } from '@fleet/api-client/fast';
import type { MachineField, UnitField, UnitFileField } from '../definitions/listings.ts';

/** How cells are shown, and the machines that legends name. */
export interface CellContext {
  readonly full: boolean;
  readonly machines: ReadonlyMap<string, MachineInfo>;
}

export type Column<T> = (row: T, context: CellContext) => string;

const SHORT_HASH = 7;
const SHORT_ID = 8;

/** `3fa1c0de.../192.0.2.11`; the address only if it is known. */
export function machineLegend(id: string, address: string | undefined, full: boolean): string {
  const shown = full ? id : `${id.slice(0, SHORT_ID)}...`;
  return address === undefined || address === '' ? shown : `${shown}/${address}`;
}

function legendOf(id: string | undefined, { full, machines }: CellContext): string {
  return id === undefined || id === '' ? '-' : machineLegend(id, machines.get(id)?.primaryIP, full);
}

function hashCell(hash: string, { full }: CellContext): string {
  if (hash === '') return '-';
  return full ? hash : hash.slice(0, SHORT_HASH);
}

/** Columns of list-units. Systemd's words are shown as reported, `-` where a server sent none, so that no cell is empty. */
export const unitColumns: Readonly<Record<UnitField, Column<UnitStateInfo>>> = {
  unit: (state) => state.name,
  load: (state) => orDash(state.load),
  active: (state) => orDash(state.active),
  sub: (state) => orDash(state.sub),
  machine: (state, context) => legendOf(state.machineID, context),
  hash: (state, context) => hashCell(state.hash, context),
};

const target: Column<UnitSummary> = (unit, context) => (unit.global ? 'global' : legendOf(unit.machineID, context));

export const unitFileColumns: Readonly<Record<UnitFileField, Column<UnitSummary>>> = {
  unit: (unit) => unit.name,
  hash: (unit, context) => hashCell(unit.hash, context),
  dstate: (unit) => orDash(unit.desiredState),
  state: (unit) => (unit.global ? '-' : orDash(unit.currentState)),
  target,
  tmachine: target,
  global: (unit) => String(unit.global),
  desc: (unit) => orDash(unit.description ?? ''),
};

export const machineColumns: Readonly<Record<MachineField, Column<MachineInfo>>> = {
  machine: (machine, { full }) => machineLegend(machine.id, undefined, full),
  ip: (machine) => orDash(machine.primaryIP ?? ''),
  metadata: (machine) => orDash(formatMetadata(machine.metadata)),
};

/** `key=value` sorted by key, joined by commas. */
export function formatMetadata(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function orDash(text: string): string {
  return text === '' ? '-' : text;
}
