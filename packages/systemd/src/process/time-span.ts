const UNIT_MS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    [
      [0.001, 'us usec µs μs'],
      [1, 'ms msec'],
      [1000, 's sec second seconds'],
      [60_000, 'm min minute minutes'],
      [3_600_000, 'h hr hour hours'],
      [86_400_000, 'd day days'],
      [604_800_000, 'w week weeks'],
      [2_629_800_000, 'M month months'],
      [31_557_600_000, 'y year years'],
    ] as const
  ).flatMap(([ms, names]) => names.split(' ').map((name) => [name, ms])),
);

/**
 * A time span of a unit file (`90`, `1min 30s`, `500ms`, `infinity`) in milliseconds; `Infinity` for no limit,
 * `undefined` if it is none. A bare number is seconds. Source: systemd.time(7) "Parsing time spans".
 */
export function parseTimeSpan(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === 'infinity') return Infinity;
  if (!/^(\d+(\.\d+)?\s*[A-Za-zµμ]*\s*)+$/.test(trimmed)) return undefined;
  let total = 0;
  for (const [, number = '', unit = ''] of trimmed.matchAll(/(\d+(?:\.\d+)?)\s*([A-Za-zµμ]*)/g)) {
    const factor = unit === '' ? 1000 : UNIT_MS[unit];
    if (factor === undefined) return undefined;
    total += Number(number) * factor;
  }
  return total;
}
