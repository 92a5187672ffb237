import { lastOf, listOf, type UnitText } from '../unit-text.ts';

/** What the commands of a unit do when the memory systemd runs them. */
export interface MemoryProgram {
  /** How long they run; `undefined` for ever. */
  readonly runsMs: number | undefined;
  readonly exitCode: number;
}

/**
 * Reads the behaviour off `ExecStart=`: `true`, `false`, `sleep N` and `sh -c 'exit N'` do what they say, every other
 * command succeeds at once in a oneshot and runs for ever otherwise.
 */
export function programOf(unit: UnitText): MemoryProgram {
  const oneshot = lastOf(unit, 'Service', 'Type')?.value === 'oneshot';
  let runsMs: number | undefined = 0;
  for (const { value } of listOf(unit, 'Service', 'ExecStart')) {
    const [path = '', ...args] = value.replace(/^[-@+!:]+/, '').split(/\s+/);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const exit = /^-c ["']?exit (\d+)["']?$/.exec(args.join(' '));
    if (name === 'sleep') runsMs = addSleep(runsMs, args[0] ?? '');
    else if (name === 'false') return { runsMs, exitCode: value.startsWith('-') ? 0 : 1 };
    else if (name === 'sh' && exit?.[1] !== undefined) return { runsMs, exitCode: Number(exit[1]) };
    else if (name !== 'true' && !oneshot) return { runsMs: undefined, exitCode: 0 };
  }
  return { runsMs, exitCode: 0 };
}

function addSleep(soFarMs: number | undefined, seconds: string): number | undefined {
  const value = Number(seconds);
  return soFarMs === undefined || !Number.isFinite(value) || seconds === '' ? undefined : soFarMs + value * 1000;
}

/** Whether the main process is a shell that ignores SIGTERM, so that a stop takes until `TimeoutStopSec=`. */
export function ignoresTerm(unit: UnitText): boolean {
  return listOf(unit, 'Service', 'ExecStart').some(({ value }) => /trap (""|'') TERM/.test(value));
}
