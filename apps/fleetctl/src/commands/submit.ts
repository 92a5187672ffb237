import type { CommandModule } from '../cli/definition.ts';
import { noUnitsGiven } from './arguments.ts';
import { submitArguments } from './submission.ts';

export const run: CommandModule['run'] = async (context, flags, args) => {
  if (args.length === 0) return noUnitsGiven(context);
  using client = await context.client();
  const submission = await submitArguments(context, flags, client, args, 'submit');
  return submission === undefined || submission.failures.length > 0 ? 1 : 0;
};
