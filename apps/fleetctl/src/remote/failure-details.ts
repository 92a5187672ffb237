import type { MachineInfo } from '@fleet/api-client/fast';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { localMachineId, runOnMachine } from './machine-runner.ts';

const LOG_LINES = 5;
const TIMEOUT_MS = 3_000;

/**
 * What systemd and the journal say of a unit that failed, if the machine can be asked without a question: its result, its exit code, its last
 * lines. Where it cannot, the command to ask with.
 */
export async function failureDetails(context: Context, flags: Flags, unit: string, machine: { readonly id: string; readonly info: MachineInfo | undefined }): Promise<string> {
  const hint = `  more: fleetctl journal ${unit}\n`;
  const reachable = machine.id === localMachineId() || (machine.info?.primaryIP ?? '') !== '';
  if (!reachable) return hint;
  const ask = async (words: readonly string[]): Promise<string> => {
    try {
      const result = await runOnMachine(context, flags, machine, words, { batch: true, streams: 'capture', signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]) });
      return result.code === 0 ? result.stdout : '';
    } catch {
      return '';
    }
  };
  const [shown, log] = await Promise.all([
    ask(['systemctl', 'show', '--property=Result,ExecMainCode,ExecMainStatus', unit]),
    ask(['journalctl', '--unit', unit, '--no-pager', '--lines', String(LOG_LINES), '--output', 'cat']),
  ]);
  const values = new Map(shown.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  const result = values.get('Result') ?? '';
  const lines = result === '' ? [] : [`  systemd: result ${result}, exit status ${values.get('ExecMainStatus') ?? '?'}`];
  lines.push(...log.split('\n').filter((line) => line !== '').map((line) => `  | ${line}`));
  return `${lines.map((line) => `${line}\n`).join('')}${hint}`;
}
