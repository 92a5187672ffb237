import type { Clock, Logger } from '@fleet/runtime';
import { decodePlacement, decodeStoredUnit, decodeUnit } from './codecs.ts';
import { readHistory, trimHistory } from './history.ts';
import { createKeys } from './keys.ts';
import { campaign, raiseEngineVersion, readEngineVersion, resign, type LeaderAccess } from './leadership.ts';
import { changeMetadata } from './metadata-writes.ts';
import { openMirror } from './mirror/live-mirror.ts';
import { applyPlacements } from './placements.ts';
import { Presence } from './presence.ts';
import { readLeases } from './read-leases.ts';
import type { Registry } from './registry-types.ts';
import { findStaleUnits } from './stale-units.ts';
import type { Store } from './store.ts';
import { collectMetadata } from './metadata-collection.ts';
import { collectTexts } from './text-collection.ts';
import { Texts } from './texts.ts';
import { readStoredUnit, type UnitAccess } from './unit-changes.ts';
import { writeUnitChange, writeUnitChanges, writeUnitChangesAtomically } from './unit-writes.ts';

export interface RegistryOptions {
  /** `etcd_key_prefix`; `/_coreos.com/fleet/` unless told. */
  readonly prefix?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * fleet's view of a store. Holds no connection of its own; closing the store is the caller's business.
 *
 * @example
 * const registry = createRegistry(createMemoryStore(), { clock: systemClock, logger: silentLogger });
 * await registry.changeUnit({ kind: 'create', name, text, hash, global: false, targetState: 'launched' });
 */
export function createRegistry(store: Store, options: RegistryOptions): Registry {
  const { clock, logger } = options;
  const keys = createKeys(options.prefix);
  const texts = new Texts(store, keys);
  const presence = new Presence(store, keys);
  const access: UnitAccess & LeaderAccess = { store, keys, texts, clock };
  return {
    async readUnit(name, callOptions) {
      const { unit, placement } = await readStoredUnit(access, name, callOptions);
      return unit === null ? null : { unit: decodeUnit(unit, name), placement: placement === null ? null : decodePlacement(placement, name) };
    },
    async readUnitRecord(name, callOptions) {
      const { item } = await store.get(keys.unit(name), callOptions);
      return item === null ? null : decodeStoredUnit(item, name);
    },
    findStaleUnits: (units, callOptions) => findStaleUnits(store, keys, units, callOptions),
    readText: (hash, callOptions) => texts.read(hash, callOptions),
    readHistory: (unit, { limit, ...callOptions }) => readHistory({ store, keys, logger }, unit, limit, callOptions),
    openMirror: (scope, mirrorOptions) => openMirror({ store, keys, clock, logger }, scope, mirrorOptions),

    changeUnit: (change, callOptions) => writeUnitChange(access, change, callOptions),
    changeUnits: (changes, { atomic, ...callOptions }) => (atomic ? writeUnitChangesAtomically(access, changes, callOptions) : writeUnitChanges(access, changes, callOptions)),
    changeMetadata: (changes, callOptions) => changeMetadata(store, keys, changes, callOptions),

    registerMachine: (machine, lease, callOptions) => presence.register(machine, lease, callOptions),
    removeMachine: (machine, sessionId, callOptions) => presence.remove(machine, sessionId, callOptions),
    publishStates: (machine, sessionId, lease, changes, callOptions) => presence.publishStates(machine, sessionId, lease, changes, callOptions),

    campaign: (machine, sessionId, lease, callOptions) => campaign(access, machine, sessionId, lease, callOptions),
    resign: (fence, callOptions) => resign(access, fence, callOptions),
    readEngineVersion: (callOptions) => readEngineVersion(access, callOptions),
    raiseEngineVersion: (version, fence, callOptions) => raiseEngineVersion(access, version, fence, callOptions),
    applyPlacements: (changes, fence, callOptions) => applyPlacements(access, changes, fence, callOptions),
    collectTexts: (fence, callOptions) => collectTexts(access, fence, callOptions),
    collectMetadata: (fence, callOptions) => collectMetadata(access, fence, callOptions),
    trimHistory: (fence, callOptions) => trimHistory(access, fence, callOptions),

    grantLease: (ttlMs, callOptions) => store.grantLease(ttlMs, callOptions),
    keepAlive: (lease, callOptions) => store.keepAlive(lease, callOptions),
    readLeases: (leases, callOptions) => readLeases(store, leases, callOptions),
    revokeLease: (lease, callOptions) => store.revokeLease(lease, callOptions),
  };
}
