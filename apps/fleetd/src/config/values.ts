import { z } from 'zod';

// The kinds of values an option can have: from text to what it means, or a message that says what is wrong.

/** A value or what is wrong with it. */
function convert<T>(read: (text: string) => T | string, isValue: (value: T | string) => value is T) {
  return z.string().transform((text, context): T => {
    const value = read(text);
    if (isValue(value)) return value;
    context.issues.push({ code: 'custom', message: value, input: text });
    return z.NEVER;
  });
}

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';

export const text = z.string();

/** An absolute path. */
export const path = z.string().refine((value) => value.startsWith('/'), { error: (issue) => `${JSON.stringify(issue.input)} is not an absolute path` });

/** As Go's ParseInt with base 0: decimal, `0x`, leading zero for octal. */
export function integer(least: number, most: number) {
  return convert<number>((value) => {
    const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/.exec(value);
    if (match === null) return `${JSON.stringify(value)} is not a whole number`;
    const digits = match[2] ?? '';
    const size = /^0[xX]/.test(digits) ? Number.parseInt(digits.slice(2), 16) : digits.startsWith('0') ? Number.parseInt(digits, 8) : Number(digits);
    const number = match[1] === '-' ? -size : size;
    return number < least || number > most ? `${value} is not between ${least} and ${most}` : number;
  }, isNumber);
}

/** Seconds, with decimals. */
export function seconds(least: number, exclusive = false) {
  return convert<number>((value) => {
    if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)) return `${JSON.stringify(value)} is not a number of seconds`;
    const number = Number(value);
    if (number < least || (exclusive && number === least)) return `${value} is not ${exclusive ? 'more than' : 'at least'} ${least}`;
    return number;
  }, isNumber);
}

/** A share, 0 to 1. */
export const share = convert<number>((value) => {
  const number = Number(value);
  return value === '' || !(number >= 0 && number <= 1) ? `${JSON.stringify(value)} is not a number from 0 to 1` : number;
}, isNumber);

/** As Go's ParseBool. */
export const boolean = convert<boolean>((value) => {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False', ''].includes(value)) return false;
  return `${JSON.stringify(value)} is neither true nor false`;
}, isBoolean);

const UNIT_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A Go duration with units, such as `30s` or `1m30s`; gives milliseconds. */
export function duration(leastMs: number) {
  return convert<number>((value) => {
    if (!/^(\d+\.?\d*(ns|us|µs|ms|s|m|h))+$/.test(value)) return `${JSON.stringify(value)} is not a duration with a unit`;
    let ms = 0;
    for (const [, amount, unit] of value.matchAll(/(\d+\.?\d*)(ns|us|µs|ms|s|m|h)/g)) ms += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
    return ms < leastMs ? `${value} is less than ${leastMs / 1000}s` : ms;
  }, isNumber);
}

/** Octal permission bits. */
export const mode = convert<number>((value) => (/^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : `${JSON.stringify(value)} is not a mode such as 0660`), isNumber);

/** Items between commas, each without the brackets and quotes around it (as fleet `fleetd.go` stringSlice). */
export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.replace(/^[ ["]+/, '').replace(/[ "\]]+$/, ''))
    .filter((item) => item !== ''),
);

/** `key=value` pairs between commas; pieces without `=` are dropped, as in the original. */
export const metadata = z.string().transform((value): Record<string, string> => {
  const pairs = value.split(',').flatMap((piece) => {
    const at = piece.indexOf('=');
    return at < 0 ? [] : [[piece.slice(0, at).trim(), piece.slice(at + 1).trim()] as const];
  });
  return Object.fromEntries(pairs);
});
