import { createDaemon, type Daemon } from './create-daemon.ts';
import type { DaemonAdapters, DaemonConfig } from './daemon-options.ts';

/**
 * Runs a daemon until the signal aborts and everything has ended in good order. `onStarted` is given the daemon once it
 * listens, for reloads and questions.
 *
 * @throws what opening the listeners throws, and the first failure of a component that could not go on.
 */
export async function runDaemon(config: DaemonConfig, adapters: DaemonAdapters, options: { readonly signal: AbortSignal; readonly onStarted?: (daemon: Daemon) => void }): Promise<void> {
  const daemon = createDaemon(config, adapters);
  await daemon.listen();
  options.onStarted?.(daemon);
  await daemon.run(options.signal);
}
