import { homedir, userInfo } from 'node:os';
import type { SshOptions } from '@fleet/api-client/fast';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { DEFAULT_KNOWN_HOSTS } from '../definitions/globals.ts';

/** The SSH flags as the client wants them. With the default file the user's own known hosts count too. */
export function sshOptions(flags: Flags, context: Pick<Context, 'env'>): SshOptions {
  const file = flags.text('known-hosts-file');
  const tunnel = flags.text('tunnel');
  return {
    username: flags.text('ssh-username'),
    timeoutSeconds: flags.number('ssh-timeout'),
    strictHostKeyChecking: flags.on('strict-host-key-checking'),
    knownHostsFile: expandHome(file, context.env),
    ...(file === DEFAULT_KNOWN_HOSTS ? { extraKnownHostsFiles: [expandHome('~/.ssh/known_hosts', context.env)] } : {}),
    tunnel: tunnel === '' ? undefined : tunnel,
  };
}

/** `~` and `~/…` by HOME, else by the user database; `~name/…` is left to ssh, which knows it. */
function expandHome(path: string, env: NodeJS.ProcessEnv): string {
  if (path !== '~' && !path.startsWith('~/')) return path;
  const home = env['HOME'] ?? '';
  return `${home === '' ? (homedir() === '' ? userInfo().homedir : homedir()) : home}${path.slice(1)}`;
}
