import { FleetError } from '@fleet/runtime';

/** The store cannot be reached or has been closed. */
export function storeUnavailable(what: string, cause?: unknown): FleetError {
  return new FleetError(what, { code: 'STORE_UNAVAILABLE', kind: 'unavailable', cause, remedy: 'check that the store is running and reachable' });
}

/** No answer in time. After a write it is unknown whether it took effect. */
export function storeTimeout(what: string, cause?: unknown): FleetError {
  return new FleetError(what, { code: 'STORE_TIMEOUT', kind: 'unavailable', cause, remedy: 'check the load of the store and the network to it' });
}

/** A revision that was waited for is ahead of the store. */
export function revisionNotReached(revision: number, latest: number): FleetError {
  return new FleetError(`revision ${revision} does not exist, the store is at ${latest}: it was restored to an older state, or the revision is from another cluster`, {
    code: 'REVISION_NOT_REACHED',
    kind: 'unavailable',
    remedy: 'read again without asking for a revision',
  });
}

/** A revision that was asked for is no longer kept. */
export function storeCompacted(revision: number, oldest: number | undefined, cause?: unknown): FleetError {
  const kept = oldest === undefined ? '' : `; the oldest kept is ${oldest}`;
  return new FleetError(`revision ${revision} has been compacted${kept}`, { code: 'STORE_COMPACTED', kind: 'conflict', cause, remedy: 'list again and go on from the revision of that listing' });
}

export function leaseNotFound(lease: string, cause?: unknown): FleetError {
  return new FleetError(`lease ${lease} does not exist or has ended`, { code: 'LEASE_NOT_FOUND', kind: 'not-found', cause, remedy: 'grant a new lease' });
}

export function requestTooLarge(what: string, cause?: unknown): FleetError {
  return new FleetError(what, { code: 'STORE_REQUEST_TOO_LARGE', kind: 'invalid', cause, remedy: 'split the request' });
}

/** A request that breaks the rules of the port: a mistake of the caller. */
export function requestInvalid(what: string, cause?: unknown): FleetError {
  return new FleetError(what, { code: 'STORE_REQUEST_INVALID', kind: 'invalid', cause });
}

/** The store knows us but does not let us, or does not know us. */
export function storeDenied(what: string, cause?: unknown): FleetError {
  return new FleetError(what, { code: 'STORE_DENIED', kind: 'unavailable', cause, remedy: 'check etcd_username, etcd_password and the rights of that user below etcd_key_prefix' });
}
