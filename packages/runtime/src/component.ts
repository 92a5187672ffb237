/** Something that works until its signal aborts. Resolves when it has ended; rejects only on a failure it cannot handle itself. */
export interface Component {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/** The reason given to a signal when a component is told to end in good order. */
export const shutdownReason: Error = Object.assign(new Error('shutting down'), { name: 'AbortError' });

/** Whether `error` only says that `signal` aborted. */
export function isAbort(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'));
}

/**
 * Runs components side by side. The first that fails or ends before the signal aborts the others; waits for all of
 * them and then throws the first failure. An end through the signal is no failure.
 */
export async function runComponents(components: readonly Component[], signal: AbortSignal): Promise<void> {
  const group = new AbortController();
  const both = AbortSignal.any([signal, group.signal]);
  const failures: unknown[] = [];
  await Promise.all(
    components.map(async (component) => {
      try {
        await component.run(both);
        if (!both.aborted) throw new Error(`component ${component.name} ended early`);
      } catch (error) {
        if (!isAbort(error, both)) failures.push(error);
        group.abort(shutdownReason);
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
}
