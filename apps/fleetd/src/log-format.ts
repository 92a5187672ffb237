import { fstatSync } from 'node:fs';
import type { LogFormat } from '@fleet/runtime';

/** `auto` is the journal's form when standard error goes to the journal (systemd names it in `JOURNAL_STREAM`), else text. */
export function chooseLogFormat(wanted: LogFormat | 'auto', env: Readonly<Record<string, string | undefined>>, identify = identifyStderr): LogFormat {
  if (wanted !== 'auto') return wanted;
  const stream = env.JOURNAL_STREAM;
  return stream !== undefined && stream !== '' && stream === identify() ? 'journal' : 'text';
}

function identifyStderr(): string {
  const { dev, ino } = fstatSync(2, { bigint: true });
  return `${dev}:${ino}`;
}
