import { describe, expect, it } from '@jest/globals';
import { createLogger, type LogFormat } from './logger.ts';

describe('createLogger', () => {
  it.each<{ format: LogFormat; expected: string }>([
    { format: 'text', expected: 'INFO unit scheduled unit=a.service reason="two\\nlines" machine=m1' },
    { format: 'journal', expected: '<6>INFO unit scheduled unit=a.service reason="two\\nlines" machine=m1' },
    { format: 'json', expected: '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"unit scheduled","unit":"a.service","reason":"two\\nlines","machine":"m1"}' },
  ])('writes one escaped line as $format', ({ format, expected }) => {
    const lines: string[] = [];
    const logger = createLogger({ level: () => 'info', format, write: (line) => lines.push(line), now: () => 0 }).with({ unit: 'a.service' });
    logger.debug('not shown');
    logger.info('unit scheduled', { reason: 'two\nlines', machine: 'm1' });
    expect(lines).toEqual([expected]);
  });
});
