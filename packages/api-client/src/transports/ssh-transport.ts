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

/** Exit code of `ssh` when it is ssh that failed. */
const SSH_FAILED = 255;
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
    return new SshStream(child, bastion);
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

/**
 * Standard input and output of an ssh as one stream. It ends when the child has, not with its output: only then is it known whether that was all,
 * or a failure, which carries what the child said.
 */
class SshStream extends Duplex {
  private readonly child: ChildProcessWithoutNullStreams;

  constructor(child: ChildProcessWithoutNullStreams, bastion: string) {
    super();
    this.child = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      said = (said + text).slice(-KEPT_CHARS);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    // Its exit tells more than a broken pipe.
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => this.destroy(tunnelFailed(bastion, error.message, error)));
    child.once('close', (code, killedBy) => {
      if (this.destroyed) return;
      if (code === 0 || killedBy !== null) this.push(null);
      else this.destroy(failureOf(bastion, code, said.trim().split('\n').at(-1)?.trim() ?? ''));
    });
  }

  override _read(): void {
    this.child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.child.stdin.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.child.kill();
    done(error);
  }
}

/** ssh ends with 255 when it is ssh that failed; anything else is what ran on the bastion. */
function failureOf(bastion: string, code: number | null, reason: string): FleetError {
  if (code === SSH_FAILED) return tunnelFailed(bastion, reason === '' ? 'ssh failed without a word' : reason);
  return new FleetError(`${bastion}: ${reason === '' ? `the tunnel ended with ${code ?? 'a signal'}` : reason}`, {
    code: 'TUNNEL_ENDED',
    kind: 'unavailable',
    remedy: 'check that fleetctl is in the path there and that the endpoint is right',
  });
}

function tunnelFailed(bastion: string, why: string, cause?: unknown): FleetError {
  return new FleetError(`failed initializing SSH client: ${bastion}: ${why}`, {
    code: 'TUNNEL_FAILED',
    kind: 'unavailable',
    remedy: `check that "ssh ${bastion}" works`,
    ...(cause === undefined ? {} : { cause }),
  });
}
