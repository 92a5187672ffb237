export { planAgentTasks, planUnitTasks, type AgentTask, type CurrentUnit, type DesiredUnit } from './agent-tasks.ts';
export { checkPlan, type Violation } from './check-plan.ts';
export { ClusterModel } from './cluster-model.ts';
export { desiredUnits, type DesiredUnitsInput } from './desired-units.ts';
export { compareBytes } from './order.ts';
export { inConflict } from './fitness.ts';
export { explainPlacement, planCluster } from './plan-cluster.ts';
export type {
  ClusterSnapshot,
  Pending,
  Plan,
  PlacementExplanation,
  PlanOptions,
  Reason,
  Rejection,
  RejectionCode,
  SchedulerMachine,
  SchedulerUnit,
  Step,
} from './types.ts';
