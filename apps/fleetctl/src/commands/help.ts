import type { CommandModule } from '../cli/definition.ts';

/** Help is answered before any command is loaded; this only serves those who run the definition itself. */
export const run: CommandModule['run'] = async (context, _flags, args) => {
  const { showHelp } = await import('../oclif/index.ts');
  return await showHelp(args[0], context);
};
