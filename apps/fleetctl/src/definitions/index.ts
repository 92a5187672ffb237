import type { CommandDefinition } from '../cli/definition.ts';
import { destroy, load, restart, start, stop, submit, unload } from './changing.ts';
import { listMachines, listUnitFiles, listUnits } from './listings.ts';
import { cat, journal, ssh, status, verify, why } from './looking.ts';
import { completion, fdForward, help, version } from './others.ts';

/** Every command, in alphabetical order. The one place they are all named. */
export const commands: readonly CommandDefinition[] = [
  cat,
  completion,
  destroy,
  fdForward,
  help,
  journal,
  listMachines,
  listUnitFiles,
  listUnits,
  load,
  restart,
  ssh,
  start,
  status,
  stop,
  submit,
  unload,
  verify,
  version,
  why,
];
