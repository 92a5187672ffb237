#!/usr/bin/env node
import { runFleetctl } from './run.ts';
import { processWorld } from './world.ts';

// Not awaited: the bundle is CommonJS, which starts quicker than ES modules.
void runFleetctl(process.argv.slice(2), processWorld()).then((code) => {
  process.exitCode = code;
});
