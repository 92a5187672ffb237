export type { ClusterSnapshot, Pending, Plan, Reason, Rejection, SchedulerMachine, SchedulerUnit, Step } from './types.ts';
