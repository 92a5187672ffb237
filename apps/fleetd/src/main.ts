#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { readArguments, USAGE } from './arguments.ts';
import { installSignals, type SignalHandlers } from './signals.ts';
import { VERSION } from './version.ts';

// A daemon on every machine: memory counts for more than speed at the peak. Must come before anything is loaded. At rest
// this saves a seventh of the resident memory, and keeps the young generation small under load.
setFlagsFromString('--optimize-for-size');
// With 4 a sixth more of the processor goes to collecting garbage when hundreds of units start; the peak is the same.
setFlagsFromString('--max-semi-space-size=16');

// Before anything that takes time is loaded: a signal that comes early must not have its default effect.
const handlers: SignalHandlers = {};
const signal = installSignals(handlers);
// Not awaited here: the bundle is CommonJS, of which Node can make a single executable.
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

async function main(args: readonly string[]): Promise<number> {
  const parsed = readArguments(args);
  switch (parsed.kind) {
    case 'version':
      process.stdout.write(`fleetd version ${VERSION}\n`);
      return 0;
    case 'help':
      process.stdout.write(USAGE);
      return 0;
    case 'wrong':
      process.stderr.write(`${parsed.message}\n${USAGE}`);
      return parsed.exitCode;
    case 'check-config': {
      const { checkConfig } = await import('./program.ts');
      return checkConfig(parsed.configFile);
    }
    case 'run': {
      const { runProgram } = await import('./program.ts');
      return await runProgram(parsed.configFile, { signal, handlers, version: VERSION });
    }
    default:
      return parsed satisfies never;
  }
}
