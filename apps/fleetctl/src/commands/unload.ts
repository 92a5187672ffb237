import type { CommandModule } from '../cli/definition.ts';
import { takeDown, UNLOAD } from './take-down.ts';

export const run: CommandModule['run'] = (context, flags, args) => takeDown(context, flags, args, UNLOAD);
