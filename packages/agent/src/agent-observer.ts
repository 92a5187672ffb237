import type { AgentTask } from '@fleet/scheduler';
import type { PresenceStatus } from './presence.ts';

/** What an agent tells whoever counts; every method is optional and must not throw. */
export interface AgentObserver {
  readonly onTask?: (kind: AgentTask['kind'], outcome: 'done' | 'failed') => void;
  readonly onPresence?: (status: PresenceStatus['kind']) => void;
  /** A try to extend the machine's lease ended. */
  readonly onHeartbeat?: (answered: boolean) => void;
  /** How many units the machine holds. */
  readonly onUnits?: (units: number) => void;
  /** Whether systemd can be reached. */
  readonly onSystemd?: (reachable: boolean) => void;
}
