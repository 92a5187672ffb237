import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dim, green, red, say, seconds } from './console.mjs';
import { root, run } from './run.mjs';

const logs = join(root, 'tmp', 'test');

/**
 * Runs one stage of `npm test`, says how long it took, and keeps its output in tmp/test/<id>.log. A failed stage shows its
 * output at once.
 */
export async function runStage(id, title, file, args, options = {}) {
  const started = Date.now();
  const { code, output } = await run(file, args, options);
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, `${id}.log`), output);
  const time = dim(`(${seconds(Date.now() - started)})`);
  if (code === 0) {
    say(`${green('✓')} ${title} ${time}`);
  } else {
    say(`${red('✗')} ${title} ${time} exit code ${code}; its output:`);
    say(output.trimEnd());
    say(red(`— end of the output of: ${title}`));
  }
  return { id, title, ok: code === 0 };
}
