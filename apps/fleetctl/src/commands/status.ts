import { isFleetError } from '@fleet/runtime';
import type { CommandModule } from '../cli/definition.ts';
import { runOnMachine } from '../remote/machine-runner.ts';
import { findPlaces } from '../remote/unit-machines.ts';
import { machineLegend } from '../view/columns.ts';
import { noUnitsGiven } from './arguments.ts';
import { findArgumentUnits } from './unit-names.ts';

/** Every unit is shown, whatever became of the ones before; the exit code is that of the first failure. */
export const run: CommandModule['run'] = async (context, flags, args) => {
  const { stdout, stderr, signal } = context;
  if (args.length === 0) return noUnitsGiven(context);
  const client = await context.client();
  let code = 0;
  const fail = (message: string): void => {
    stderr.write(`${message}\n`);
    code ||= 1;
  };
  try {
    const { units, missing } = await findArgumentUnits(client, args, signal);
    for (const name of missing) fail(`Unit ${name} does not exist.`);
    const places = await findPlaces(client, units, signal);
    let first = true;
    for (const unit of units) {
      const mine = places.filter((place) => place.unit === unit.name);
      if (mine.length === 0 || (!unit.global && unit.currentState === 'inactive')) {
        fail(`Unit ${unit.name} does not appear to be loaded.`);
        continue;
      }
      for (const { machine } of mine) {
        if (!first) stdout.write('\n');
        first = false;
        if (unit.global) stdout.write(`# ${unit.name} on ${machineLegend(machine.id, machine.info?.primaryIP, false)}\n`);
        const result = await runOnMachine(context, flags, machine, ['systemctl', 'status', '-l', unit.name]);
        code ||= result.code;
      }
    }
  } catch (error) {
    if (!isFleetError(error)) throw error;
    fail(`Error retrieving unit: ${error.message}`);
  } finally {
    client.close();
  }
  return code;
};
