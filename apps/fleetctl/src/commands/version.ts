import type { CommandModule } from '../cli/definition.ts';

export const run: CommandModule['run'] = (context) => {
  context.stdout.write(`fleetctl version ${context.version}\n`);
  return 0;
};
