import { isFleetError } from '@fleet/runtime';
import type { Output } from './context.ts';
import { isInterrupted } from './interrupted.ts';

/** Prints what a command could not handle itself, once, and returns the exit code. */
export function describeFailure(error: unknown, stderr: Output): number {
  if (isInterrupted(error)) {
    if (error.message !== '') stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (isFleetError(error)) {
    stderr.write(`${error.message}\n`);
    if (error.remedy !== undefined && !error.message.includes(error.remedy)) stderr.write(`  ${error.remedy}\n`);
    return 1;
  }
  stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
