import type { MachineInfo } from '@fleet/api-client/fast';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { isHere, runOnMachine } from './machine-runner.ts';
import { outputCommand } from './unit-output.ts';

const LOG_LINES = 5;
const TIMEOUT_MS = 3_000;

/**
 * The last lines of a unit that failed, and systemd's result and exit code where the cluster has not told them, if the machine can be asked without a
 * question. Where it cannot, the command to ask with.
 */
export async function failureDetails(context: Context, flags: Flags, failure: { readonly unit: string; readonly reason: string }, machine: { readonly id: string; readonly info: MachineInfo | undefined }): Promise<string> {
  const { unit, reason } = failure;
  const hint = `  more: fleetctl journal ${unit}\n`;
  if (!isHere(machine) && (machine.info?.primaryIP ?? '') === '') return hint;
  const ask = async (words: readonly string[]): Promise<string> => {
    try {
      const result = await runOnMachine(context, flags, machine, words, { batch: true, streams: 'capture', signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]) });
      return result.code === 0 ? result.stdout : '';
    } catch {
      return '';
    }
  };
  const [shown, log] = await Promise.all([
    // An original fleetd says no more than `failed`.
    reason.includes('result ') || machine.info?.unitLogs !== undefined ? '' : ask(['systemctl', 'show', '--property=Result,ExecMainStatus', unit]),
    ask(outputCommand(machine.info, { unit, lines: String(LOG_LINES), mode: 'cat' })),
  ]);
  const values = new Map(shown.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  const result = values.get('Result') ?? '';
  const lines = result === '' ? [] : [`  systemd: result ${result}, exit status ${values.get('ExecMainStatus') ?? '?'}`];
  lines.push(...log.split('\n').filter((line) => line !== '').map((line) => `  | ${line}`));
  return `${lines.map((line) => `${line}\n`).join('')}${hint}`;
}
