import type { CommandModule } from '../cli/definition.ts';
import { bringUp } from './bring-up.ts';

export const run: CommandModule['run'] = (context, flags, args) => bringUp(context, flags, args, 'load');
