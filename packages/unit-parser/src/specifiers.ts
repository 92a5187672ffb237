import type { UnitNameInfo } from './unit-name.ts';

/**
 * Fills in `%n`, `%N`, `%p` and `%i`, one after the other over the whole value (as fleet `job/job.go` unitPrintf): there is no `%%`
 * and any other `%x` stays.
 */
export function substituteSpecifiers(value: string, name: UnitNameInfo): string {
  if (!value.includes('%')) return value;
  return value
    .replaceAll('%n', () => name.full)
    .replaceAll('%N', () => name.name)
    .replaceAll('%p', () => name.prefix)
    .replaceAll('%i', () => name.instance);
}
