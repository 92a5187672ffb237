import { findUnit, unitNameOf, type FleetClient, type MachineInfo } from '@fleet/api-client/fast';
import { FleetError } from '@fleet/runtime';
import type { CommandModule, Flags } from '../cli/definition.ts';
import { tellError } from '../cli/describe-failure.ts';
import { runOverSsh } from '../remote/machine-runner.ts';
import { sshOptions } from '../remote/ssh-options.ts';

export const run: CommandModule['run'] = async (context, flags, args) => {
  const { stderr, stdout } = context;
  if (flags.text('machine') !== '' && flags.text('unit') !== '') {
    stderr.write('Both machine and unit flags provided, please specify only one.\n');
    return 1;
  }
  context.interruption = '';
  const client = await context.client();
  let machine: MachineInfo;
  let command: readonly string[];
  try {
    ({ machine, command } = await findTarget(client, flags, args, context.signal));
  } catch (error) {
    return tellError(error, stderr, (message) => `Unable to proceed: ${message}`);
  } finally {
    client.close();
  }
  const address = machine.primaryIP ?? '';
  if (address === '') {
    stderr.write('Could not determine address of machine.\n');
    return 1;
  }
  const ssh = { ...sshOptions(flags, context), forwardAgent: flags.on('forward-agent') };
  // Left to ssh, a command has no terminal, and a shell that cannot have one begins with a warning.
  const terminal = context.stdinIsTerminal && (command.length === 0 || stdout.isTerminal);
  // As ssh itself does: the words are joined by blanks and read by the shell there.
  const { code } = await runOverSsh(context, flags, address, ssh, command.length === 0 ? [] : [command.join(' ')], { terminal });
  return code;
};

interface Target {
  readonly machine: MachineInfo;
  readonly command: readonly string[];
}

function refuse(message: string, remedy?: string): FleetError {
  return new FleetError(message, { code: 'NO_SSH_TARGET', kind: 'invalid', ...(remedy === undefined ? {} : { remedy }) });
}

async function findTarget(client: FleetClient, flags: Flags, args: readonly string[], signal: AbortSignal): Promise<Target> {
  const id = flags.text('machine');
  const unit = flags.text('unit');
  if (id !== '') {
    const machine = await machineByPrefix(client, id, signal);
    if (machine === undefined) throw refuse('machine does not exist');
    return { machine, command: args };
  }
  if (unit !== '') {
    const machine = await machineOfUnit(client, unit, signal);
    if (machine === undefined) throw refuse('unit does not exist');
    return { machine, command: args };
  }
  const [word, ...command] = args;
  if (word === undefined || word === '') throw refuse('one machine or unit must be provided');
  const [byId, byUnit] = await Promise.allSettled([machineByPrefix(client, word, signal), machineOfUnit(client, word, signal)]);
  if (byId.status === 'fulfilled' && byUnit.status === 'fulfilled' && byId.value !== undefined && byUnit.value !== undefined) {
    throw refuse(`ambiguous argument, both machine and unit found for \`${word}\`.\nPlease use flag \`-m\` or \`-u\` to refine the search`);
  }
  // What stands in the way of one reading does not matter when the word makes sense in the other.
  for (const found of [byId, byUnit]) if (found.status === 'fulfilled' && found.value !== undefined) return { machine: found.value, command };
  for (const found of [byId, byUnit]) if (found.status === 'rejected') throw found.reason as Error;
  throw refuse('could not find matching unit or machine');
}

async function machineByPrefix(client: FleetClient, prefix: string, signal: AbortSignal): Promise<MachineInfo | undefined> {
  const { machines } = await client.listMachines({}, { signal });
  const found = machines.filter((machine) => machine.id.startsWith(prefix));
  if (found.length > 1) throw refuse('found more than one machine');
  return found[0];
}

async function machineOfUnit(client: FleetClient, argument: string, signal: AbortSignal): Promise<MachineInfo | undefined> {
  const unit = await findUnit(client, unitNameOf(argument), signal);
  if (unit === undefined) return undefined;
  if (unit.global) throw refuse('global units unsupported');
  const { machines } = await client.listMachines({}, { signal });
  const machine = machines.find((each) => each.id === unit.machineID);
  if (machine === undefined) throw refuse(`unit ${unit.name} is not on any machine`);
  return machine;
}
