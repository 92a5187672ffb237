#!/usr/bin/env node
import { runFleetctl } from './run.ts';
import { processWorld } from './world.ts';

process.exitCode = await runFleetctl(process.argv.slice(2), processWorld());
