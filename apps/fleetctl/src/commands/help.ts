import type { CommandModule } from '../cli/definition.ts';

/** Help is answered before any command is loaded; this is reached through oclif only. */
export const run: CommandModule['run'] = async (context, _flags, args) => {
  const { showHelp } = await import('../oclif/index.ts');
  return await showHelp(args[0], context);
};
