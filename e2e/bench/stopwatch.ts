/** Microseconds of the kernel's monotonic clock: the one that systemd stamps units with, in every machine alike. */
export function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}

/** Does the same several times, one after the other, and gives what each took or returned. */
export async function repeat<T>(times: number, once: (round: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let round = 0; round < times; round += 1) results.push(await once(round));
  return results;
}
