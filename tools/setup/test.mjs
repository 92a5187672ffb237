// `npm test` after the packages are installed: build, lint, type checks, unit and contract tests, repository checks, and the
// end-to-end scenarios in one process and on real machines. Runs on the workspace's Node.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bold, dim, green, red, say, seconds } from './console.mjs';
import { prepareResults, resultsFile, summaryLine, sumResults } from './results.mjs';
import { environment, endOnSignals, exitCodes, interruption, root } from './run.mjs';
import { withSetupLock } from './setup-lock.mjs';
import { runStage } from './stages.mjs';

const started = Date.now();
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'].join(' ');
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

async function main() {
  prepareResults(allResults.map(({ file }) => file));
  const stages = [];
  const stage = async (start) => {
    if (interruption() !== undefined) return false;
    const done = await start();
    stages.push(done);
    return done.ok;
  };

  const isBuilt = await withSetupLock(() => stage(() => runStage('build', 'build', 'nx', ['run-many', '-t', 'build', '--parallel=2', '--output-style=static'])));
  // Two cores: one works through lint and types while the other tests.
  await Promise.all([
    (async () => {
      await stage(() => runStage('lint', 'lint', 'eslint', ['--cache', '--cache-location', '.nx/cache/eslint', '.']));
      await stage(() => runStage('types', 'type checks', 'tsc', ['-p', 'tsconfig.json']));
      if (isBuilt) await stage(() => runJest('repo-checks', 'repository checks', 'tools/repo-checks', checksResults, {}));
    })(),
    stage(() => runStage('unit', 'unit and contract tests', 'nx', ['run-many', '-t', 'test', `--exclude=${excluded.join(',')}`, '--parallel=1', '--output-style=static'], { summed: true })),
  ]);
  // The scenarios measure time, so they run alone.
  if (isBuilt) {
    await stage(() => runJest('e2e-in-process', 'scenarios in one process', 'e2e', inProcessResults, { FLEET_E2E_CLUSTER: 'in-process' }));
    await stage(() => runJest('e2e-real', 'scenarios on real machines', 'e2e', realResults, { FLEET_E2E_CLUSTER: 'real' }, ['--runInBand']));
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
