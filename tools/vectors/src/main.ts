import { FolderError, runFolder } from './run-folder.ts';
import { RUNNERS } from './runners.ts';

/** `vectors DIR`: exit code 0 if nothing failed, 1 if a case failed, 2 if nothing could be run. */
async function main(args: readonly string[]): Promise<number> {
  const [folder, ...more] = args;
  if (folder === undefined || more.length > 0) {
    console.error('usage: npm run -s vectors -- DIR\nDIR is a folder of recorded cases: units.jsonl, names.jsonl, …');
    return 2;
  }
  try {
    const counts = await runFolder(folder, RUNNERS, (line) => {
      console.log(line);
    });
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.departed} departed`);
    return counts.failed === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof FolderError)) throw error;
    console.error(error.message);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
