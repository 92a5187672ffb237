import type { Context } from './context.ts';
import type { Flags } from './definition.ts';

export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
export type Log = (level: LogLevel, message: string) => void;

/** Log lines on standard error, as the original's but without the place in the source: `2026/03/01 12:00:00 WARN message`. */
export function createLog(context: Pick<Context, 'stderr'>, flags: Flags): Log {
  return (level, message) => {
    if (level === 'DEBUG' && !flags.on('debug')) return;
    const now = new Date();
    const two = (value: number): string => String(value).padStart(2, '0');
    const date = `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())}`;
    const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
    context.stderr.write(`${date} ${time} ${level} ${message}\n`);
  };
}
