import type { Context } from '../cli/context.ts';
import { EXIT_USAGE } from '../cli/usage-error.ts';

/** A command that works on units was given none. The original ended with 0. */
export function noUnitsGiven(context: Pick<Context, 'stderr'>): number {
  context.stderr.write('No units given\n');
  return EXIT_USAGE;
}
