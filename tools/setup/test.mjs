// `npm test` after the packages are installed: build, lint, type checks, unit and contract tests, repository checks, and the
// end-to-end scenarios in one process and on real machines. Runs on the workspace's Node.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { bold, dim, green, red, say, seconds } from './console.mjs';
import { failedSuites, prepareResults, resultsFile, summaryLine, sumResults, takeSecondResults } from './results.mjs';
import { environment, endOnSignals, exitCodes, interruption, root } from './run.mjs';
import { withSetupLock } from './setup-lock.mjs';
import { runStage } from './stages.mjs';

const started = Date.now();
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'].join(' ');
// Single executables, and the archive with them, are made on Linux only; tests of them are skipped elsewhere.
const targets = process.platform === 'linux' ? 'build,executable,archive' : 'build';
// These have stages of their own.
const apart = ['e2e', 'tools/repo-checks'];

const projects = globSync('{packages/*,apps/*,tools/*,e2e}/package.json', { cwd: root })
  .map((file) => ({ folder: dirname(file), manifest: JSON.parse(readFileSync(join(root, file), 'utf8')) }))
  .filter(({ manifest }) => manifest.nx?.targets?.test !== undefined)
  .map(({ folder, manifest }) => ({ project: manifest.name, folder }));
const unitResults = projects
  .filter(({ folder }) => !apart.includes(folder) && globSync('**/*.test.ts', { cwd: join(root, folder), exclude: (name) => ['node_modules', 'dist'].includes(String(name)) }).length > 0)
  .map(({ project, folder }) => ({ project, file: resultsFile(folder) }));
const resultsOf = (folder, name) => ({ project: projects.find((one) => one.folder === folder)?.project ?? folder, file: resultsFile(folder, name) });
const checksResults = resultsOf('tools/repo-checks', 'jest');
const inProcessResults = resultsOf('e2e', 'in-process');
const realResults = resultsOf('e2e', 'real');
const allResults = [...unitResults, checksResults, inProcessResults, realResults];

const excluded = projects.filter(({ folder }) => apart.includes(folder)).map(({ project }) => project);
const runJest = (id, title, folder, results, extra, args = []) =>
  runStage(id, title, 'jest', ['--json', `--outputFile=${results.file}`, ...args], {
    summed: true,
    cwd: join(root, folder),
    env: environment({ NODE_OPTIONS: jest, FORCE_COLOR: '0', ...extra }),
  });

// Scenarios run real daemons against real time-outs. On a computer that stalls for a moment one of them can fail for no fault
// of fleet: a few failed files get a second try on fresh clusters. The report names them, and failing twice is a failure.
const mostSecondTries = 3;
const secondTries = [];

async function runScenarios(id, title, results, cluster, args = []) {
  const env = { FLEET_E2E_CLUSTER: cluster };
  const first = await runJest(id, title, 'e2e', results, env, args);
  const failed = first.ok ? [] : failedSuites(results.file);
  if (failed.length === 0 || failed.length > mostSecondTries || interruption() !== undefined) return first;
  const again = resultsOf('e2e', `${cluster}-again`);
  prepareResults([again.file]);
  const second = await runJest(`${id}-again`, `second try of ${failed.map((file) => relative(join(root, 'e2e'), file)).join(', ')}`, 'e2e', again, env, [...args, '--runTestsByPath', ...failed]);
  secondTries.push(...takeSecondResults(results.file, again.file).map((file) => relative(root, file)));
  return { ...first, ok: second.ok };
}

async function main() {
  prepareResults(allResults.map(({ file }) => file));
  const stages = [];
  const stage = async (start) => {
    if (interruption() !== undefined) return false;
    const done = await start();
    stages.push(done);
    return done.ok;
  };

  const isBuilt = await withSetupLock(() => stage(() => runStage('build', 'build', 'nx', ['run-many', '-t', targets, '--parallel=2', '--output-style=static'])));
  // Most tests wait as much as they compute, so two projects at a time and the checks beside them keep two cores busy.
  await Promise.all([
    (async () => {
      await stage(() => runStage('lint', 'lint', 'eslint', ['--cache', '--cache-location', '.nx/cache/eslint', '.']));
      await stage(() => runStage('types', 'type checks', 'tsc', ['-p', 'tsconfig.json']));
      if (isBuilt) await stage(() => runJest('repo-checks', 'repository checks', 'tools/repo-checks', checksResults, {}));
    })(),
    stage(() => runStage('unit', 'unit and contract tests', 'nx', ['run-many', '-t', 'test', `--exclude=${excluded.join(',')}`, '--parallel=2', '--output-style=static'], { summed: true })),
  ]);
  // The scenarios measure time, so they run alone.
  if (isBuilt) {
    await stage(() => runScenarios('e2e-in-process', 'scenarios in one process', inProcessResults, 'in-process'));
    await stage(() => runScenarios('e2e-real', 'scenarios on real machines', realResults, 'real', ['--runInBand']));
  }

  const ran = allResults.filter(({ file }) => existsSync(file) || unitResults.some((one) => one.file === file));
  const sum = sumResults(ran);
  // Lint, types and build hold no tests, but a run in which they failed must not read as a success.
  const counted = new Set(['unit', 'repo-checks', 'e2e-in-process', 'e2e-real']);
  for (const { id, title, ok } of stages) {
    if (ok || (counted.has(id) && sum.failed > 0)) continue;
    sum.failed += 1;
    sum.failures.push(`${title}: failed; its output is in tmp/test/${id}.log`);
  }
  if (!isBuilt) sum.failures.push('the build failed, so repository checks and end-to-end scenarios did not run');
  if (interruption() !== undefined) return exitCodes[interruption()];
  report(sum);
  return sum.failed === 0 ? 0 : 1;
}

function report(sum) {
  if (sum.skipped.length > 0) {
    say();
    say(bold('Skipped:'));
    const groups = Map.groupBy(sum.skipped, ({ project, group }) => `${project}: ${group}`);
    for (const [group, tests] of groups) {
      say(`  ${group}`);
      for (const { title } of tests) say(dim(`    - ${title}`));
    }
  }
  if (secondTries.length > 0) {
    say();
    say(bold('Passed only at the second try:'));
    for (const file of secondTries) say(`  ${file}`);
  }
  if (sum.failures.length > 0) {
    say();
    say(bold(red('Failed:')));
    for (const failure of sum.failures) say(`  ${failure}`);
  }
  say();
  say(dim(`in ${seconds(Date.now() - started)}`));
  const line = summaryLine(sum);
  say(sum.failed === 0 ? green(line) : red(line));
}

endOnSignals();
process.exitCode = await main();
