import { ClusterModel } from './cluster-model.ts';
import type { ClusterSnapshot, Plan, PlanOptions } from './types.ts';

/** Everything there is to do in a cluster, from scratch. Pure: equal snapshots give equal plans, whatever the order of their parts. */
export function planCluster(snapshot: ClusterSnapshot, options: PlanOptions = {}): Plan {
  return ClusterModel.fromSnapshot(snapshot).plan(options);
}
