// `npm run bench [-- NAME …]`: the benches of every package (or of those named), one after the other, so that they do not
// disturb each other. A package's benches are its `bench` script, or else its files bench/*.bench.ts.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bold, red, say } from './console.mjs';
import { endOnSignals, interruption, root, run } from './run.mjs';

endOnSignals();
const wanted = process.argv.slice(2);
const benches = globSync('{packages/*,apps/*,e2e}/package.json', { cwd: root })
  .map((file) => ({ folder: dirname(file), manifest: JSON.parse(readFileSync(join(root, file), 'utf8')) }))
  .filter(({ folder, manifest }) => wanted.length === 0 || wanted.some((name) => [manifest.name, manifest.name.replace(/^@fleet\//, ''), folder].includes(name)))
  .map(({ folder, manifest }) => ({ folder, name: manifest.name, commands: commandsOf(folder, manifest) }))
  .filter(({ commands }) => commands.length > 0)
  .sort((a, b) => a.folder.localeCompare(b.folder));

function commandsOf(folder, manifest) {
  if (manifest.scripts?.bench !== undefined) return [['sh', ['-c', manifest.scripts.bench]]];
  return globSync('bench/*.bench.ts', { cwd: join(root, folder) })
    .sort()
    .map((file) => ['node', ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', file]]);
}

if (benches.length === 0) {
  say(red(wanted.length === 0 ? 'no package has a bench' : `no bench in: ${wanted.join(', ')}`));
  process.exitCode = 1;
}
for (const { folder, name, commands } of benches) {
  for (const [file, args] of commands) {
    if (interruption() !== undefined) break;
    say(bold(`\n== ${name}: ${args.at(-1)}`));
    const { code } = await run(file, args, { show: true, cwd: join(root, folder) });
    if (code !== 0) {
      say(red(`it failed with exit code ${code}`));
      process.exitCode = 1;
    }
  }
}
