import { isFleetError, type FleetError } from '@fleet/runtime';
import type { Output } from './context.ts';
import { isInterrupted } from './interrupted.ts';

/** Prints what a command could not handle itself, once, and returns the exit code. */
export function describeFailure(error: unknown, stderr: Output): number {
  if (isInterrupted(error)) {
    if (error.message !== '') stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (isFleetError(error)) {
    stderr.write(failureText(error));
    return 1;
  }
  stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

/** For a command that has words of its own for a failure: prints it and returns the exit code. What is no failure of fleet's is thrown on. */
export function tellError(error: unknown, stderr: Output, words: (message: string) => string): number {
  if (!isFleetError(error)) throw error;
  stderr.write(failureText(error, words(error.message)));
  return 1;
}

/** A failure as a command tells it, and on a line below what can be done about it. */
export function failureText(error: FleetError, told = error.message): string {
  const remedy = error.remedy ?? connectionRemedy(error);
  return remedy === undefined || told.includes(remedy) ? `${told}\n` : `${told}\n  ${remedy}\n`;
}

/** What a person does about a cluster that cannot be reached, who most often has not said yet where it is. */
function connectionRemedy({ code, message }: FleetError): string | undefined {
  if (code !== 'REQUEST_FAILED' || !message.includes(': dial ')) return undefined;
  if (message.includes('permission denied')) return 'that socket is not for everybody: become root or join its group';
  return 'is fleetd running there? --endpoint or FLEETCTL_ENDPOINT names another place';
}
