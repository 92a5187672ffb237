import type { CommandModule } from '../cli/definition.ts';
import { STOP, takeDown } from './take-down.ts';

export const run: CommandModule['run'] = (context, flags, args) => takeDown(context, flags, args, STOP);
