import type { CommandModule } from '../cli/definition.ts';
import { EXIT_USAGE } from '../cli/usage-error.ts';
import { globalFlags } from '../definitions/globals.ts';
import { commands } from '../definitions/index.ts';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { zshCompletion } from '../completion/zsh.ts';

const SHELLS = { bash: bashCompletion, fish: fishCompletion, zsh: zshCompletion };

export const run: CommandModule['run'] = (context, _flags, args) => {
  const [shell, ...others] = args;
  if (others.length > 0 || (shell !== 'bash' && shell !== 'fish' && shell !== 'zsh')) {
    context.stderr.write('Name a shell: bash, zsh or fish\n');
    return EXIT_USAGE;
  }
  context.stdout.write(SHELLS[shell](commands, globalFlags));
  return 0;
};
