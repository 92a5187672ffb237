import type { UnitName } from '@fleet/model';
import { ClusterModel } from './cluster-model.ts';
import type { ClusterSnapshot, PlacementExplanation, Plan, PlanOptions } from './types.ts';

/** Everything there is to do in a cluster, from scratch. Pure: equal snapshots give equal plans, whatever the order of their parts. */
export function planCluster(snapshot: ClusterSnapshot, options: PlanOptions = {}): Plan {
  return ClusterModel.fromSnapshot(snapshot).plan(options);
}

/**
 * How the machines of a cluster stand to a unit: how many fit, and why the others do not. `null` if the unit is not known.
 *
 * @example
 * explainPlacement(model, name)?.summary // "fits 0 of 5 machines (3 lack metadata region=eu, 2 conflict with web@1.service)"
 */
export function explainPlacement(cluster: ClusterSnapshot | ClusterModel, unit: UnitName): PlacementExplanation | null {
  return (cluster instanceof ClusterModel ? cluster : ClusterModel.fromSnapshot(cluster)).explain(unit);
}
