import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Duplex } from 'node:stream';
import { FleetError } from '@fleet/runtime';
import { createAskpass, type Askpass } from '../ssh/askpass.ts';
import { parseSshTarget, shellCommand, sshArguments, type SshOptions } from '../ssh/ssh-command.ts';
import type { Endpoint } from './endpoint.ts';
import { originOf } from './socket-transport.ts';
import { secure, type TlsFiles } from './tls.ts';
import type { Transport } from './transport.ts';

/** The last of what ssh said that is kept for a message. */
const KEPT_CHARS = 2_000;

/**
 * Through a bastion, with the system's `ssh`: a TCP endpoint by `ssh -W`, a unix socket by `fleetctl fd-forward PATH` there, as the original
 * does. Each connection is an ssh of its own.
 *
 * @throws FleetError `INVALID_SSH_TARGET`
 */
export function createTunnelTransport(endpoint: Endpoint, bastion: string, ssh: SshOptions, tls: TlsFiles): Transport {
  const target = parseSshTarget(bastion);
  const options: SshOptions = { ...ssh, tunnel: undefined };
  let askpass: Askpass | undefined;

  const dial = async (extra: readonly string[], command: readonly string[], signal: AbortSignal | undefined): Promise<Duplex> => {
    const { spawn } = await import('node:child_process');
    signal?.throwIfAborted();
    mkdirSync(dirname(options.knownHostsFile), { recursive: true, mode: 0o700 });
    if (!process.stdin.isTTY) askpass ??= await createAskpass();
    const words = [...extra, ...sshArguments(target, options), ...command];
    const child = spawn('ssh', words, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...askpass?.env } });
    return streamOf(child, bastion);
  };

  if (endpoint.kind === 'unix') {
    return {
      origin: 'http://domain-sock',
      host: 'domain-sock',
      pathPrefix: '',
      connect: (signal) => dial(['-T'], [shellCommand(['fleetctl', 'fd-forward', endpoint.path])], signal),
      close: () => askpass?.[Symbol.dispose](),
    };
  }
  const { hostname, port } = endpoint;
  return {
    ...originOf(endpoint),
    connect: async (signal) => {
      const stream = await dial(['-W', `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`], [], signal);
      return endpoint.tls ? await secure(stream, hostname, tls, signal) : stream;
    },
    close: () => askpass?.[Symbol.dispose](),
  };
}

/** Standard input and output of a child as one stream; its failure carries what the child said. */
function streamOf(child: ChildProcessWithoutNullStreams, bastion: string): Duplex {
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    process.stderr.write(text);
    said = (said + text).slice(-KEPT_CHARS);
  });
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout });
  child.once('error', (error) => stream.destroy(tunnelFailed(bastion, error.message, error)));
  child.once('exit', (code, killedBy) => {
    if (code === 0 || stream.destroyed || killedBy !== null) return;
    const reason = said.trim().split('\n').at(-1)?.trim() ?? '';
    stream.destroy(tunnelFailed(bastion, reason === '' ? `ssh ended with ${code ?? 'a signal'}` : reason));
  });
  stream.once('close', () => child.kill());
  return stream;
}

function tunnelFailed(bastion: string, why: string, cause?: unknown): FleetError {
  return new FleetError(`failed initializing SSH client: ${bastion}: ${why}`, {
    code: 'TUNNEL_FAILED',
    kind: 'unavailable',
    remedy: `check that "ssh ${bastion}" works and that fleetctl is in the path there`,
    ...(cause === undefined ? {} : { cause }),
  });
}
