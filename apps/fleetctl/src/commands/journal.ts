import type { CommandModule } from '../cli/definition.ts';
import { tellError } from '../cli/describe-failure.ts';
import { runOnMachine } from '../remote/machine-runner.ts';
import { findPlaces, type UnitPlace } from '../remote/unit-machines.ts';
import { outputCommand, unavailableMode } from '../remote/unit-output.ts';
import { machineLegend } from '../view/columns.ts';
import { LinePrefixer } from '../view/line-prefixer.ts';
import { styleOf } from '../view/style.ts';
import { findArgumentUnits } from './unit-names.ts';

export const run: CommandModule['run'] = async (context, flags, args) => {
  const { stdout, stderr, signal } = context;
  if (args.length === 0) {
    stderr.write('One unit file must be provided.\n');
    return 1;
  }
  context.interruption = '';
  const client = await context.client();
  let code = 0;
  const places: UnitPlace[] = [];
  try {
    const { units, named, missing } = await findArgumentUnits(client, args, signal);
    for (const name of missing) {
      stderr.write(`Unit ${name} does not exist.\n`);
      code = 1;
    }
    const found = await findPlaces(client, units, signal);
    for (const unit of units) {
      const mine = found.filter((place) => place.unit === unit.name);
      if (mine.length === 0 || (!unit.global && unit.currentState === 'inactive')) {
        // A pattern takes what there is to show; a unit that was named must be.
        if (!named.has(unit.name)) continue;
        stderr.write(`Unit ${unit.name} does not appear to be running.\n`);
        code = 1;
      } else places.push(...mine);
    }
    if (places.length === 0 && code === 0) {
      stderr.write('No unit that matches appears to be running.\n');
      return 1;
    }
  } catch (error) {
    return tellError(error, stderr, (message) => `Error retrieving unit ${args[0] ?? ''}: ${message}`);
  } finally {
    client.close();
  }

  const mode = flags.text('output');
  for (const { machine } of places) {
    const problem = unavailableMode(machine.info, mode);
    if (problem === undefined) continue;
    stderr.write(`${problem}\n`);
    return 1;
  }
  const words = ({ unit, machine }: UnitPlace): readonly string[] =>
    outputCommand(machine.info, { unit, lines: flags.text('lines'), mode, follow: flags.on('follow'), sudo: flags.on('sudo'), sayEmpty: true });
  const [only, ...others] = places;
  if (only !== undefined && others.length === 0) return code || (await runOnMachine(context, flags, only.machine, words(only))).code;

  const style = styleOf(stdout, context.env);
  const labels = places.map((place) => (place.global ? `${place.unit} ${machineLegend(place.machine.id, undefined, false)}` : place.unit));
  const width = Math.max(0, ...labels.map((label) => label.length));
  const show = async (place: UnitPlace, label: string): Promise<number> => {
    const prefix = style.dim(`${label.padEnd(width)} | `);
    const out = new LinePrefixer(prefix, (text) => stdout.write(text));
    const err = new LinePrefixer(prefix, (text) => stderr.write(text));
    const result = await runOnMachine(context, flags, place.machine, words(place), { onOutput: (text, from) => (from === 'stdout' ? out : err).take(text) });
    out.end();
    err.end();
    return result.code;
  };
  // Following needs all at once; otherwise one after the other keeps each log together.
  const codes: number[] = [];
  if (flags.on('follow')) codes.push(...(await Promise.all(places.map((place, index) => show(place, labels[index] ?? '')))));
  else for (const [index, place] of places.entries()) codes.push(await show(place, labels[index] ?? ''));
  return code || (codes.find((each) => each !== 0) ?? 0);
};
