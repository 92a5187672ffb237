export { commands } from './definitions/index.ts';
export { globalFlags } from './definitions/globals.ts';
export { runFleetctl, type World } from './run.ts';
export { VERSION } from './version.ts';
