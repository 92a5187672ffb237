import { describe, expect, it } from '@jest/globals';
import { readArguments } from './arguments.ts';
import { chooseLogFormat } from './log-format.ts';

describe('readArguments', () => {
  it.each([
    { args: [], expected: { kind: 'run', configFile: undefined } },
    { args: ['--config', '/a'], expected: { kind: 'run', configFile: '/a' } },
    { args: ['-config=/a'], expected: { kind: 'run', configFile: '/a' } },
    { args: ['--config=/a', '--check-config'], expected: { kind: 'check-config', configFile: '/a' } },
    { args: ['--version'], expected: { kind: 'version' } },
    { args: ['-version'], expected: { kind: 'version' } },
    { args: ['version'], expected: { kind: 'version' } },
    { args: ['--help'], expected: { kind: 'help' } },
    { args: ['list-units'], expected: { kind: 'wrong', exitCode: 1, message: expect.stringContaining('fleetctl') } },
    { args: ['--agent-ttl=5s'], expected: { kind: 'wrong', exitCode: 2, message: 'unknown flag: --agent-ttl=5s' } },
    { args: ['--config'], expected: { kind: 'wrong', exitCode: 2, message: expect.stringContaining('--config') } },
  ])('$args', ({ args, expected }) => {
    expect(readArguments(args)).toEqual(expected);
  });
});

describe('chooseLogFormat', () => {
  it.each([
    { title: 'what was asked for', wanted: 'json' as const, env: { JOURNAL_STREAM: '8:1' }, expected: 'json' },
    { title: 'the journal when standard error goes there', wanted: 'auto' as const, env: { JOURNAL_STREAM: '8:1' }, expected: 'journal' },
    { title: 'text when it was redirected', wanted: 'auto' as const, env: { JOURNAL_STREAM: '8:2' }, expected: 'text' },
    { title: 'text without a journal', wanted: 'auto' as const, env: {}, expected: 'text' },
  ])('$title', ({ wanted, env, expected }) => {
    expect(chooseLogFormat(wanted, env, () => '8:1')).toBe(expected);
  });
});
