import { FleetError } from '@fleet/runtime';

/** How the system's `ssh` is to be called. */
export interface SshOptions {
  readonly username: string;
  readonly timeoutSeconds: number;
  /** Whether an unknown host key is asked about and a changed one refused. */
  readonly strictHostKeyChecking: boolean;
  /** Where accepted keys are kept. */
  readonly knownHostsFile: string;
  /** Files that are read besides, such as the user's own. */
  readonly extraKnownHostsFiles?: readonly string[];
  readonly forwardAgent?: boolean;
  /** `host[:port]` that connections go through. */
  readonly tunnel?: string | undefined;
  /** Never ask anything; for what runs unasked, such as fetching the log of a failed unit. */
  readonly batch?: boolean;
}

export interface SshTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host`, `host:port`, `[v6]:port` or a bare IPv6 address.
 *
 * @throws FleetError `INVALID_SSH_TARGET`
 */
export function parseSshTarget(text: string, defaultPort = 22): SshTarget {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const bare = match === null && /^[0-9A-Fa-f:.%]+$/.test(text) && text.includes(':');
  const host = bare ? text : (match?.[1] ?? match?.[2] ?? '');
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  // A leading dash would be an option of ssh, a blank a second word of a proxy command.
  if (host === '' || host.startsWith('-') || /[\s'"`$;&|<>\\]/.test(host)) {
    throw new FleetError(`${JSON.stringify(text)} is not host[:port]`, { code: 'INVALID_SSH_TARGET', kind: 'invalid' });
  }
  if (port < 1 || port > 65_535) throw new FleetError(`${port} is not a port`, { code: 'INVALID_SSH_TARGET', kind: 'invalid', remedy: 'ports are 1 to 65535' });
  return { host, port };
}

/**
 * The arguments for `ssh`, up to and including the host. The user's own configuration, agent and jump hosts still apply; what is named here wins.
 */
export function sshArguments(target: SshTarget, options: SshOptions): string[] {
  const settings = connectionSettings(options);
  if (options.tunnel !== undefined && options.tunnel !== '') {
    const bastion = parseSshTarget(options.tunnel);
    const words = ['ssh', ...connectionSettings({ ...options, forwardAgent: false }), '-p', String(bastion.port), '-W', '[%h]:%p', '--', bastion.host];
    // Percent signs are ssh's own in a proxy command.
    settings.push('-o', `ProxyCommand=${words.map((word) => (word === '[%h]:%p' ? shellQuote(word) : shellQuote(word.replaceAll('%', '%%')))).join(' ')}`);
  }
  return [...settings, '-p', String(target.port), '--', target.host];
}

function connectionSettings(options: SshOptions): string[] {
  const set = (name: string, value: string): string[] => ['-o', `${name}=${value}`];
  const files = [options.knownHostsFile, ...(options.extraKnownHostsFiles ?? [])];
  return [
    '-l',
    options.username,
    ...set('ConnectTimeout', String(Math.max(1, Math.ceil(options.timeoutSeconds)))),
    ...(options.strictHostKeyChecking
      ? [
          ...set('StrictHostKeyChecking', options.batch === true ? 'yes' : 'ask'),
          ...set('UserKnownHostsFile', files.map((file) => `"${file}"`).join(' ')),
          // A file that was named is the only one that counts.
          ...(options.extraKnownHostsFiles === undefined ? set('GlobalKnownHostsFile', '/dev/null') : []),
          ...set('HashKnownHosts', 'no'),
        ]
      : [...set('StrictHostKeyChecking', 'no'), ...set('UserKnownHostsFile', '/dev/null'), ...set('GlobalKnownHostsFile', '/dev/null'), ...set('LogLevel', 'ERROR')]),
    ...(options.batch === true ? set('BatchMode', 'yes') : []),
    options.forwardAgent === true ? '-A' : '-a',
  ];
}

/** One word for a POSIX shell. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A command line for the remote shell in which every word is exactly one word there. */
export function shellCommand(words: readonly string[]): string {
  return words.map(shellQuote).join(' ');
}
