// The first thing that runs in a fresh clone, on whatever Node is there: no packages may be imported here.
// usage: node tools/setup/bootstrap.mjs demo|test|vectors|chaos [options]
import { join } from 'node:path';
import { bold, dim, green, red, say, seconds, SetupError } from './console.mjs';
import { installDebianPackages } from './debian-packages.mjs';
import { checkNodeForSetup, findNode } from './node-version.mjs';
import { installNpmPackages } from './npm-packages.mjs';
import { endOnSignals, exitCodes, interruption, root, run } from './run.mjs';
import { withSetupLock } from './setup-lock.mjs';

const typescript = ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning'];
const commands = {
  demo: (node, args) => run(node, [...typescript, 'tools/dev-cluster/src/main.ts', ...args], { show: true }),
  test: (node, args) => run(node, ['tools/setup/test.mjs', ...args], { show: true }),
  chaos: (node, args) => run(node, [...typescript, 'e2e/src/chaos/main.ts', ...args], { show: true }),
  vectors: (node, args) => run(node, [...typescript, 'tools/vectors/src/main.ts', ...args], { show: true }),
};

/** The apps are bundled from the sources of the packages, so nothing else has to be built for the demo. */
async function buildApps(names) {
  const started = Date.now();
  for (const name of names) {
    const { code, output } = await run('tsup', ['--silent'], { cwd: join(root, 'apps', name) });
    if (code !== 0) throw new SetupError(`building apps/${name} failed (exit code ${code}):\n${output.trim()}`);
  }
  say(`${green('✓')} built ${names.join(' and ')} ${dim(`in ${seconds(Date.now() - started)}`)}`);
}

async function main([command, ...args]) {
  checkNodeForSetup();
  const start = commands[command];
  if (start === undefined) throw new SetupError(`unknown command "${command ?? ''}"`, `Use one of: ${Object.keys(commands).join(', ')}.`);
  await withSetupLock(async () => {
    await installNpmPackages();
    if (command === 'test' || command === 'chaos' || args.includes('--real')) await installDebianPackages();
    // Without root the demo says that real machines need it; nothing has to be built for that.
    if (command === 'demo' && !args.includes('--real')) await buildApps(['fleetctl']);
    else if ((command === 'demo' || command === 'chaos') && process.getuid?.() === 0) await buildApps(['fleetctl', 'fleetd']);
  });
  const node = findNode();
  if (interruption() !== undefined) throw new SetupError('interrupted');
  const { code } = await start(node, args);
  return code;
}

endOnSignals();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.exitCode = 1;
  if (interruption() !== undefined) process.exitCode = exitCodes[interruption()];
  else {
    say(`${red('✗')} ${error.message}`);
    if (error.remedy !== undefined) say(bold(error.remedy));
  }
}
