export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logging: a constant message and fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  with(fields: LogFields): Logger;
}

export type LogFormat = 'json' | 'text' | 'journal';

export interface LoggerOptions {
  /** Called at each line, so that the level can change while running. */
  readonly level: () => LogLevel;
  /** `json`: one object a line. `text`: for people. `journal`: text with an sd-daemon `<N>` priority in front. */
  readonly format: LogFormat;
  readonly write: (line: string) => void;
  readonly now?: () => number;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const PRIORITY: Record<LogLevel, number> = { debug: 7, info: 6, warn: 4, error: 3 };

/** Builds a logger over a sink for lines. Control characters in values are escaped in every format. */
export function createLogger(options: LoggerOptions, bound: LogFields = {}): Logger {
  const log = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (RANK[level] < RANK[options.level()]) return;
    const all = { ...bound, ...fields };
    switch (options.format) {
      case 'json':
        options.write(JSON.stringify({ time: new Date((options.now ?? Date.now)()).toISOString(), level, message, ...plain(all) }));
        return;
      case 'text':
      case 'journal': {
        const text = `${level.toUpperCase()} ${message}${formatFields(all)}`;
        options.write(options.format === 'journal' ? `<${PRIORITY[level]}>${text}` : text);
        return;
      }
    }
  };
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
    with: (fields) => createLogger(options, { ...bound, ...fields }),
  };
}

/** A logger that drops everything. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

function plain(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, toPlain(value)]));
}

function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return value.message;
  return value;
}

function formatFields(fields: LogFields): string {
  let text = '';
  for (const [key, raw] of Object.entries(fields)) {
    if (raw === undefined) continue;
    const value = toPlain(raw);
    const word = typeof value === 'string' && /^[\w./:@=,+-]+$/.test(value) ? value : JSON.stringify(value);
    text += ` ${key}=${word}`;
  }
  return text;
}
