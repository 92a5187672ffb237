import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { root } from './run.mjs';

/** Where a project's jest writes what it found; one file for each way in which the project's tests are run. */
export function resultsFile(projectFolder, name = 'jest') {
  return join(root, projectFolder, 'tmp', `${name}.json`);
}

/** Makes way for new results: what earlier runs left is removed, and the folders are there (jest makes none). */
export function prepareResults(files) {
  for (const file of files) {
    rmSync(file, { force: true });
    mkdirSync(dirname(file), { recursive: true });
  }
}

/**
 * Sums jest's JSON results. A file that is missing or a suite that did not run counts as one failure, because nothing
 * says how many tests it would have held.
 */
export function sumResults(files) {
  const sum = { passed: 0, failed: 0, failures: [], skipped: [] };
  for (const { project, file } of files) {
    if (!existsSync(file)) {
      sum.failed += 1;
      sum.failures.push(`${project}: no results were written (its test run ended early)`);
      continue;
    }
    const results = JSON.parse(readFileSync(file, 'utf8'));
    for (const suite of results.testResults) {
      const suiteName = `${project}: ${relative(root, suite.name)}`;
      if (suite.status === 'failed' && suite.assertionResults.every((test) => test.status !== 'failed')) {
        sum.failed += 1;
        sum.failures.push(`${suiteName}:\n${shorten(suite.message)}`);
      }
      for (const test of suite.assertionResults) {
        if (test.status === 'passed') sum.passed += 1;
        else if (test.status === 'failed') {
          sum.failed += 1;
          sum.failures.push(`${suiteName}: ${test.fullName}\n${shorten((test.failureMessages ?? []).join('\n'))}`);
        } else if (test.status === 'pending' || test.status === 'skipped' || test.status === 'disabled') {
          sum.skipped.push({ project, group: test.ancestorTitles.join(' › '), title: test.title });
        }
      }
    }
  }
  return sum;
}

/** The files of a jest run in which something failed. */
export function failedSuites(file) {
  if (!existsSync(file)) return [];
  return JSON.parse(readFileSync(file, 'utf8')).testResults.filter((suite) => suite.status === 'failed').map((suite) => suite.name);
}

/** Puts the results of a second run of some suites in place of those of the first. Returns the suites that passed this time. */
export function takeSecondResults(file, secondFile) {
  if (!existsSync(secondFile)) return [];
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const second = new Map(JSON.parse(readFileSync(secondFile, 'utf8')).testResults.map((suite) => [suite.name, suite]));
  writeFileSync(file, JSON.stringify({ ...results, testResults: results.testResults.map((suite) => second.get(suite.name) ?? suite) }));
  return [...second.values()].filter((suite) => suite.status === 'passed').map((suite) => suite.name);
}

const longestMessage = 30;

/** The first lines of a failure, without colours; the whole of it is in the log of the stage. */
function shorten(message) {
  const lines = stripVTControlCharacters(message).trim().split('\n');
  const rest = lines.length - longestMessage;
  return [...lines.slice(0, longestMessage), ...(rest > 0 ? [`… ${rest} more lines`] : [])].map((line) => `    ${line}`).join('\n');
}

/** The last line of `npm test`. */
export function summaryLine({ passed, failed, skipped }) {
  const parts = [`${passed} passed`, `${failed} failed`];
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`);
  return parts.join(', ');
}
