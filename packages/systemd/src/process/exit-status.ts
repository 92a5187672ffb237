import type { ExitInfo } from './process-group.ts';
import type { ExitStatusSet, ServiceSpec } from './service-spec.ts';

/** Signals that are a clean end for a daemon. Source: systemd `is_clean_exit` with EXIT_CLEAN_DAEMON. */
const CLEAN_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE'];

/** Whether an end counts as success. One that nobody saw is taken for one, because nothing says otherwise. */
export function isCleanExit(exit: ExitInfo, spec: ServiceSpec, kind: 'daemon' | 'command'): boolean {
  switch (exit.kind) {
    case 'unknown':
      return true;
    case 'code':
      return exit.code === 0 || spec.success.codes.has(exit.code);
    case 'signal':
      return spec.success.signals.has(exit.signal) || (kind === 'daemon' && CLEAN_SIGNALS.includes(exit.signal));
  }
}

/** systemd's `Result` for a failed end. */
export function resultOf(exit: ExitInfo | 'resources'): string {
  if (exit === 'resources') return 'resources';
  return exit.kind === 'signal' ? 'signal' : 'exit-code';
}

/** How an end reads in a log. */
export function describeExit(exit: ExitInfo): string {
  switch (exit.kind) {
    case 'unknown':
      return 'ended unseen';
    case 'code':
      return `exited with status ${exit.code}`;
    case 'signal':
      return `was killed by ${exit.signal}`;
  }
}

/** Whether a service that ended by itself is started again. Source: systemd `service_shall_restart`. */
export function shallRestart(spec: ServiceSpec, result: string, exit: ExitInfo | undefined): boolean {
  if (exit !== undefined && contains(spec.restartPrevent, exit)) return false;
  if (exit !== undefined && contains(spec.restartForce, exit)) return true;
  switch (spec.restart) {
    case 'no':
      return false;
    case 'always':
      return true;
    case 'on-success':
      return result === 'success';
    case 'on-failure':
      return result !== 'success';
    case 'on-abnormal':
      return result !== 'success' && result !== 'exit-code';
    case 'on-abort':
      return result === 'signal';
  }
}

function contains(set: ExitStatusSet, exit: ExitInfo): boolean {
  return exit.kind === 'code' ? set.codes.has(exit.code) : exit.kind === 'signal' && set.signals.has(exit.signal);
}
