import type { FleetClient } from '@fleet/api-client/fast';
import { FleetError } from '@fleet/runtime';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';

export function connectToStore(_flags: Flags, _context: Context): Promise<FleetClient> {
  return Promise.reject(new FleetError('the etcd driver is not built in', { code: 'NO_ETCD_DRIVER', kind: 'invalid' }));
}
