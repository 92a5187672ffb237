import { describe, expect, it } from '@jest/globals';
import { parseDemoOptions } from './options.ts';

describe('options of the demo', () => {
  it.each([
    ['none', [], { kind: 'run', options: { once: false, real: false } }],
    ['--once', ['--once'], { kind: 'run', options: { once: true, real: false } }],
    ['both', ['--real', '--once'], { kind: 'run', options: { once: true, real: true } }],
    ['help wins', ['--once', '-h'], { kind: 'help' }],
    ['unknown', ['--twice'], { kind: 'bad', message: expect.stringContaining("'--twice'") }],
    ['a word', ['now'], { kind: 'bad', message: expect.stringContaining("'now'") }],
  ])('%s', (_name, args, expected) => {
    expect(parseDemoOptions(args)).toEqual(expected);
  });
});
