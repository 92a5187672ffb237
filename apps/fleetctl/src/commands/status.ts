import type { CommandModule } from '../cli/definition.ts';
import { tellError } from '../cli/describe-failure.ts';
import { runOnMachine, SSH_FAILED } from '../remote/machine-runner.ts';
import { findPlaces } from '../remote/unit-machines.ts';
import { outputCommand } from '../remote/unit-output.ts';
import { machineLegend } from '../view/columns.ts';
import { styleOf } from '../view/style.ts';
import { formatUnitStatus, statusExitCode } from '../view/unit-status.ts';
import { noUnitsGiven } from './arguments.ts';
import { findArgumentUnits } from './unit-names.ts';

/** As many as systemctl status shows. */
const LOG_LINES = '10';

/** Every unit is shown, whatever became of the ones before; the exit code is that of the first failure. */
export const run: CommandModule['run'] = async (context, flags, args) => {
  const { stdout, stderr, signal } = context;
  if (args.length === 0) return noUnitsGiven(context);
  context.interruption = '';
  using client = await context.client();
  let code = 0;
  const fail = (message: string): void => {
    stderr.write(`${message}\n`);
    code ||= 1;
  };
  try {
    const { units, named, missing } = await findArgumentUnits(client, args, signal);
    for (const name of missing) fail(`Unit ${name} does not exist.`);
    const places = await findPlaces(client, units, signal);
    let first = true;
    for (const unit of units) {
      const mine = places.filter((place) => place.unit === unit.name);
      if (mine.length === 0 || (!unit.global && unit.currentState === 'inactive')) {
        // A pattern takes what there is to show; a unit that was named must be.
        if (named.has(unit.name)) fail(`Unit ${unit.name} does not appear to be loaded.`);
        continue;
      }
      for (const { machine, state } of mine) {
        if (!first) stdout.write('\n');
        first = false;
        if (unit.global) stdout.write(`# ${unit.name} on ${machineLegend(machine.id, machine.info?.primaryIP, false)}\n`);
        if (machine.info?.unitLogs === undefined) {
          code ||= (await runOnMachine(context, flags, machine, ['systemctl', 'status', '-l', unit.name])).code;
        } else if (state !== undefined) {
          // A machine without systemd: what it reports, and the end of the file that has the output.
          stdout.write(formatUnitStatus(unit, state, machineLegend(machine.id, machine.info.primaryIP, false), styleOf(stdout, context.env)));
          const output = await runOnMachine(context, flags, machine, outputCommand(machine.info, { unit: unit.name, lines: LOG_LINES, mode: 'cat' }), { streams: 'capture', batch: true });
          if (output.stdout !== '') stdout.write(`\n${output.stdout}`);
          if (output.code === SSH_FAILED) stderr.write(`${output.stderr.trimEnd()}\n`);
          code ||= output.code === SSH_FAILED ? SSH_FAILED : statusExitCode(state);
        }
      }
    }
    if (first && code === 0) fail('No unit that matches appears to be loaded.');
  } catch (error) {
    const failed = tellError(error, stderr, (message) => `Error retrieving unit: ${message}`);
    code ||= failed;
  }
  return code;
};
