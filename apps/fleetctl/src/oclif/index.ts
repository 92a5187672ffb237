export { runWithOclif } from './run-with-oclif.ts';
export { showHelp } from './show-help.ts';
