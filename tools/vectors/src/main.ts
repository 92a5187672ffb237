import { type Counts, FolderError, runFolder } from './run-folder.ts';
import { RUNNERS } from './runners.ts';

/** `vectors DIR`: exit code 0 if nothing failed, 1 if a case failed, 2 if nothing could be run. */
async function main(args: readonly string[]): Promise<number> {
  const [folder, ...more] = args;
  if (folder === undefined || more.length > 0) {
    console.error('usage: npm run -s vectors -- DIR\nDIR is a folder of recorded cases: units.jsonl, names.jsonl, …');
    return 2;
  }
  let counts: Counts | null = null;
  try {
    counts = await runFolder(folder, RUNNERS, (line) => {
      console.log(line);
    });
  } catch (error) {
    if (!(error instanceof FolderError)) throw error;
    console.error(error.message);
  }
  const { passed, failed, departed } = counts ?? { passed: 0, failed: 0, departed: 0 };
  console.log(`${passed} passed, ${failed} failed, ${departed} departed`);
  return counts === null ? 2 : failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
