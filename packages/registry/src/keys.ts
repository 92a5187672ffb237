import type { RecordKind } from './registry-types.ts';

/** Where a key belongs: a record of the mirror, or something no mirror holds. */
export type ParsedKey = { readonly kind: RecordKind; readonly id: string } | null;

/** The layout of the registry below one prefix. */
export interface Keys {
  /** Everything of this cluster. */
  readonly root: string;
  readonly leader: string;
  readonly engineVersion: string;
  unit(name: string): string;
  global(name: string): string;
  placement(name: string): string;
  pending(name: string): string;
  schedule(machine: string, name: string): string;
  state(machine: string, name: string): string;
  machine(id: string): string;
  metadata(id: string): string;
  text(hash: string): string;
  /** Says that a text had no unit when the collector last looked; see `texts.ts`. */
  mark(hash: string): string;
  /** Since when a machine with metadata has been missed; see `metadata-collection.ts`. */
  absent(id: string): string;
  /** One entry of a unit's history; see `history.ts`. */
  history(unit: string, moment: string): string;
  /** Prefix of all keys of one kind. */
  folder(kind: Exclude<RecordKind, 'leader'> | 'files' | 'marks' | 'absent' | 'history'): string;
  parse(key: string): ParsedKey;
}

const FOLDERS = {
  units: 'units/',
  globals: 'globals/',
  place: 'place/',
  sched: 'sched/',
  state: 'state/',
  machines: 'machines/',
  metadata: 'metadata/',
  pending: 'pending/',
  files: 'files/',
  marks: 'marks/',
  absent: 'absent/',
  history: 'history/',
} as const;

const LEADER = 'engine/leader';
const DEFAULT_PREFIX = '/_coreos.com/fleet/';

/**
 * @param prefix `etcd_key_prefix`; a slash is added where it lacks one at its end.
 * @example createKeys('/_coreos.com/fleet').unit('web.service') // '/_coreos.com/fleet/units/web.service'
 */
export function createKeys(prefix: string = DEFAULT_PREFIX): Keys {
  const root = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return {
    root,
    leader: root + LEADER,
    engineVersion: `${root}engine/version`,
    unit: (name) => `${root}${FOLDERS.units}${name}`,
    global: (name) => `${root}${FOLDERS.globals}${name}`,
    placement: (name) => `${root}${FOLDERS.place}${name}`,
    pending: (name) => `${root}${FOLDERS.pending}${name}`,
    schedule: (machine, name) => `${root}${FOLDERS.sched}${machine}/${name}`,
    state: (machine, name) => `${root}${FOLDERS.state}${machine}/${name}`,
    machine: (id) => `${root}${FOLDERS.machines}${id}`,
    metadata: (id) => `${root}${FOLDERS.metadata}${id}`,
    text: (hash) => `${root}${FOLDERS.files}${hash}`,
    mark: (hash) => `${root}${FOLDERS.marks}${hash}`,
    absent: (id) => `${root}${FOLDERS.absent}${id}`,
    history: (unit, moment) => `${root}${FOLDERS.history}${unit}/${moment}`,
    folder: (kind) => root + FOLDERS[kind],
    parse: (key) => parse(root, key),
  };
}

function parse(root: string, key: string): ParsedKey {
  if (!key.startsWith(root)) return null;
  const path = key.slice(root.length);
  if (path === LEADER) return { kind: 'leader', id: 'leader' };
  const slash = path.indexOf('/');
  const folder = path.slice(0, slash);
  const id = path.slice(slash + 1);
  if (slash < 0 || id === '') return null;
  const parts = id.split('/');
  if (parts.includes('')) return null;
  switch (folder) {
    case 'units':
    case 'globals':
    case 'place':
    case 'machines':
    case 'metadata':
    case 'pending':
      return parts.length === 1 ? { kind: folder, id } : null;
    case 'sched':
    case 'state':
      return parts.length === 2 ? { kind: folder, id } : null;
    default:
      return null;
  }
}
