import { realMachineObstacle } from '@fleet/e2e';
import { describeError } from '@fleet/runtime';
import { runDemo, type DemoCluster } from './demo.ts';
import { createInProcessDemo } from './in-process-demo.ts';
import { parseDemoOptions, usage, type DemoOptions } from './options.ts';
import { createRealDemo } from './real-demo.ts';

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

/** Gives the exit code. */
async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const parsed = parseDemoOptions(args);
  switch (parsed.kind) {
    case 'help':
      say(usage);
      return 0;
    case 'bad':
      say(parsed.message);
      say(usage);
      return 1;
    case 'run':
      return demonstrate(parsed.options, signal);
  }
}

async function demonstrate(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const obstacle = options.real ? realMachineObstacle() : undefined;
  if (obstacle !== undefined) {
    say(`The demo on real machines cannot run here: ${obstacle}.`);
    say(process.platform === 'linux' && process.getuid?.() !== 0 ? 'Run it as root (sudo npm run demo -- --real), or without --real.' : 'Run it without --real.');
    return 1;
  }
  say(options.real ? 'Booting three machines and starting etcd …' : 'Starting a cluster of three machines …');
  let cluster: DemoCluster | undefined;
  try {
    cluster = await (options.real ? createRealDemo(signal) : createInProcessDemo());
    await runDemo(cluster, { once: options.once, signal, say });
    return 0;
  } catch (error) {
    // Once everything was shown Ctrl-C is how the demo is meant to end; here it came before.
    if (signal.aborted) return 130;
    say(`The demo failed: ${describeError(error)}`);
    return 1;
  } finally {
    if (cluster !== undefined) {
      if (!options.once) say('\nStopping the units and the cluster …');
      await cluster[Symbol.asyncDispose]();
    }
  }
}

const ending = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    ending.abort(new Error('the demo was told to end'));
  });
}
// Nobody reads any more (the output went to `head`, the terminal is gone): end as if told to.
process.stdout.on('error', () => {
  ending.abort(new Error('nobody reads the output of the demo'));
});
process.exitCode = await main(process.argv.slice(2), ending.signal);
// Nothing should be left that keeps the process alive; if something is, it must not keep the terminal.
setTimeout(() => process.exit(), 3_000).unref();
