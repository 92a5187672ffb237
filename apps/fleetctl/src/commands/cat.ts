import { findUnit, unitNameOf } from '@fleet/api-client/fast';
import { formatUnitFile } from '@fleet/unit-parser';
import type { CommandModule } from '../cli/definition.ts';
import { tellError } from '../cli/describe-failure.ts';
import { findArgumentUnits } from './unit-names.ts';

export const run: CommandModule['run'] = async (context, _flags, args) => {
  const { stdout, stderr, signal } = context;
  if (args.length === 0) {
    stderr.write('One unit file must be provided\n');
    return 1;
  }
  using client = await context.client();
  let code = 0;
  try {
    const { units, missing } = await findArgumentUnits(client, args, signal);
    for (const [index, unit] of units.entries()) {
      const detail = 'options' in unit ? (unit as Awaited<ReturnType<typeof client.getUnit>>) : await findUnit(client, unit.name, signal);
      if (units.length > 1) stdout.write(`${index === 0 ? '' : '\n'}# ${unit.name}\n`);
      stdout.write(formatUnitFile(detail?.options ?? []));
    }
    for (const name of missing) {
      stderr.write(`Unit ${name} not found\n`);
      code = 1;
    }
  } catch (error) {
    return tellError(error, stderr, (message) => `Error retrieving Unit ${unitNameOf(args[0] ?? '')}: ${message}`);
  }
  return code;
};
