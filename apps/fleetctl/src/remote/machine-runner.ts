import { mkdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { createAskpass, parseSshTarget, shellCommand, sshArguments, type MachineInfo, type SshOptions } from '@fleet/api-client/fast';
import { isFleetError } from '@fleet/runtime';
import type { Context, ProgramResult, SpawnOptions } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { sshOptions } from './ssh-options.ts';

/** Exit code of `ssh` when it is ssh that failed. */
export const SSH_FAILED = 255;

export interface RunOptions extends SpawnOptions {
  /** Never ask anything. */
  readonly batch?: boolean;
}

/** Id of the machine we are on; empty if it has none. */
function localMachineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Whether a machine is this one. Several fleetds without systemd may share it, each with an id of its own, so for those the address tells, too. */
export function isHere(machine: { readonly id: string; readonly info: MachineInfo | undefined }): boolean {
  if (machine.id !== '' && machine.id === localMachineId()) return true;
  const address = machine.info?.primaryIP ?? '';
  if (machine.info?.unitLogs === undefined || address === '') return false;
  return address.startsWith('127.') || address === '::1' || Object.values(networkInterfaces()).some((addresses) => addresses?.some((own) => own.address === address));
}

/**
 * Runs a command on a machine: here if that is this machine, else over SSH. Returns its exit code; 255 also means that it could not be run, which
 * has then been said on standard error.
 */
export async function runOnMachine(context: Context, flags: Flags, machine: { readonly id: string; readonly info: MachineInfo | undefined }, words: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
  const [program = '', ...args] = words;
  if (isHere(machine)) {
    try {
      return await context.spawn(program, args, { signal: context.signal, ...options });
    } catch (error) {
      context.signal.throwIfAborted();
      return failed(context, options, `Error running local command: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const address = machine.info?.primaryIP ?? '';
  if (address === '') return failed(context, options, `Error getting machine IP: machine ${machine.id} ${machine.info === undefined ? 'is not in the cluster' : 'has no address'}`);
  return await runOverSsh(context, flags, address, { ...sshOptions(flags, context), ...(options.batch === true ? { batch: true } : {}) }, [shellCommand(words)], options);
}

/** Runs `ssh` to an address, with a command for the shell there or without. */
export async function runOverSsh(context: Context, flags: Flags, address: string, ssh: SshOptions, command: readonly string[], options: RunOptions & { readonly terminal?: boolean } = {}): Promise<ProgramResult> {
  try {
    const port = flags.has('ssh-port') ? flags.number('ssh-port') : 22;
    const target = parseSshTarget(address, port);
    if (ssh.strictHostKeyChecking) mkdirSync(dirname(ssh.knownHostsFile), { recursive: true, mode: 0o700 });
    using askpass = context.stdinIsTerminal || ssh.batch === true ? undefined : await createAskpass();
    const args = [...(options.terminal === undefined ? [] : [options.terminal ? '-t' : '-T']), ...sshArguments(target, ssh), ...command];
    return await context.spawn('ssh', args, { signal: context.signal, ...options, env: { ...options.env, ...askpass?.env } });
  } catch (error) {
    context.signal.throwIfAborted();
    if (isFleetError(error)) return failed(context, options, `Unable to SSH to remote host: ${error.message}`);
    const why = error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'there is no ssh in the path; install OpenSSH' : error instanceof Error ? error.message : String(error);
    return failed(context, options, `Unable to SSH to remote host: ${why}`);
  }
}

function failed(context: Context, options: RunOptions, message: string): ProgramResult {
  if (options.batch !== true) context.stderr.write(`${message}\n`);
  return { code: SSH_FAILED, stdout: '', stderr: message };
}
