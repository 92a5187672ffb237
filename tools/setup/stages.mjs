import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dim, green, red, say, seconds } from './console.mjs';
import { root, run } from './run.mjs';

const logs = join(root, 'tmp', 'test');

/**
 * Runs one stage of `npm test`, says how long it took, and keeps its output in tmp/test/<id>.log. A failed stage shows its
 * output at once, unless it is `summed`: failures of tests are shown at the end, from their results.
 */
export async function runStage(id, title, file, args, { summed = false, ...options } = {}) {
  const started = Date.now();
  const { code, output } = await run(file, args, options);
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, `${id}.log`), output);
  const time = dim(`(${seconds(Date.now() - started)})`);
  if (code === 0) {
    say(`${green('✓')} ${title} ${time}`);
  } else if (summed) {
    say(`${red('✗')} ${title} ${time} exit code ${code}; failed tests are named at the end, all output is in tmp/test/${id}.log`);
  } else {
    say(`${red('✗')} ${title} ${time} exit code ${code}; its output:`);
    say(output.trimEnd());
    say(red(`— end of the output of: ${title}`));
  }
  return { id, title, ok: code === 0 };
}
