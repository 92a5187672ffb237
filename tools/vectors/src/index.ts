export { Comparison, show } from './compare.ts';
export { Fields } from './fields.ts';
export { failed, PASSED, type CaseResult, type Outcome, type Runner } from './outcome.ts';
export { runEach } from './run-each.ts';
export { FolderError, runFolder, type Counts, type Runners } from './run-folder.ts';
export { RUNNERS } from './runners.ts';
