import { shutdownReason } from '@fleet/runtime';

export interface SignalHandlers {
  /** HUP. */
  reload?: () => void;
  /** USR1. */
  dump?: () => void;
  /** USR2. */
  confirmEvacuation?: () => void;
}

/**
 * Takes the signals over. To be called before anything else: a signal that comes early must not have its default
 * effect. TERM and INT abort the returned signal; a second one ends the process at once.
 */
export function installSignals(handlers: SignalHandlers, target: Pick<NodeJS.Process, 'on' | 'exit'> = process): AbortSignal {
  const ending = new AbortController();
  const end = (): void => {
    if (ending.signal.aborted) target.exit(1);
    ending.abort(shutdownReason);
  };
  target.on('SIGTERM', end);
  target.on('SIGINT', end);
  target.on('SIGHUP', () => {
    handlers.reload?.();
  });
  target.on('SIGUSR1', () => {
    handlers.dump?.();
  });
  target.on('SIGUSR2', () => {
    handlers.confirmEvacuation?.();
  });
  return ending.signal;
}
