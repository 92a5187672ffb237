import { createLogger, isAbort } from '@fleet/runtime';
import { loadConfig } from './config/load-config.ts';
import { describeProblem } from './config/problem.ts';
import { chooseLogFormat } from './log-format.ts';
import { reportFatal, runFleetd } from './run-fleetd.ts';
import type { SignalHandlers } from './signals.ts';

/** `--check-config`: says what is wrong with file and environment, without touching anything else. Returns the exit code. */
export function checkConfig(configFile: string | undefined): number {
  const { config, problems, file } = loadConfig(configFile, process.env);
  for (const problem of problems) process.stderr.write(`${problem.severity}: ${describeProblem(problem)}\n`);
  if (config === null) return 1;
  process.stdout.write(`${file ?? 'the default configuration'} is valid\n`);
  return 0;
}

/** Runs the daemon until it is told to end. Returns the exit code. */
export async function runProgram(configFile: string | undefined, options: { readonly signal: AbortSignal; readonly handlers: SignalHandlers; readonly version: string }): Promise<number> {
  const { config, problems, file } = loadConfig(configFile, process.env);
  let debug = config?.debug ?? false;
  const logger = createLogger({
    level: () => (debug ? 'debug' : 'info'),
    format: chooseLogFormat(config?.logFormat ?? 'auto', process.env),
    write: (line) => process.stderr.write(`${line}\n`),
  });
  for (const problem of problems) logger[problem.severity === 'error' ? 'error' : 'warn'](describeProblem(problem));
  if (config === null) return 1;
  if (file === null) logger.info('no configuration file, using the defaults and the environment');
  // Node's own words belong to the log like all others; that SQLite is called experimental is no news.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    logger[warning.name === 'ExperimentalWarning' ? 'debug' : 'warn']('warning of the runtime', { name: warning.name, warning: warning.message });
  });
  process.on('uncaughtException', (error) => {
    reportFatal(logger, error);
    process.exit(1);
  });
  try {
    await runFleetd({ ...options, config, configFile, env: process.env, logger, setDebug: (value) => (debug = value) });
    return 0;
  } catch (error) {
    if (isAbort(error, options.signal)) return 0;
    reportFatal(logger, error);
    return 1;
  }
}
