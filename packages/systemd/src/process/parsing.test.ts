import { describe, expect, it } from '@jest/globals';

import { parseCommandLine } from './command-line.ts';
import { DIRECTIVES } from './directives.ts';
import { parseEnvironmentFile } from './environment-file.ts';
import { readService } from './read-service.ts';
import { expandSpecifiers, type SpecifierContext } from './specifiers.ts';
import { StartLimit } from './start-limit.ts';
import { parseTimeSpan } from './time-span.ts';
import { splitWords } from './words.ts';

const context: SpecifierContext = { name: 'web@eu\\x2dwest.service', unitsDirectory: '/units', stateDirectory: '/state', machineId: 'f'.repeat(32), hostname: 'one.example' };

describe('time spans', () => {
  it.each([
    ['5', 5000],
    ['1min 30s', 90_000],
    ['1.5s', 1500],
    ['2h5m', 7_500_000],
    ['100ms', 100],
    ['250us', 0.25],
    ['1 day', 86_400_000],
    ['1w', 604_800_000],
    ['infinity', Infinity],
    ['0', 0],
    ['', undefined],
    ['soon', undefined],
    ['5 parsecs', undefined],
    ['-1', undefined],
  ])('%j is %j ms', (text, ms) => {
    expect(parseTimeSpan(text)).toBe(ms);
  });
});

describe('words', () => {
  it.each([
    ['a  b\tc', ['a', 'b', 'c']],
    [`'a b' "c d" e`, ['a b', 'c d', 'e']],
    [`a'b c'd`, ['ab cd']],
    [`"" ''`, ['', '']],
    [String.raw`a\tb \x41\101\u00e9 \\ \s`, ['a\tb', 'AAé', '\\', ' ']],
    [String.raw`"it\"s" 'it"s'`, ['it"s', 'it"s']],
    ['', []],
  ])('%j are %j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it.each(['"open', "'open", String.raw`\q`, String.raw`\x4`, 'end\\', String.raw`\x00`])('%j are none', (text) => {
    expect(() => splitWords(text)).toThrow();
  });
});

describe('specifiers', () => {
  it.each([
    ['%n', 'web@eu\\x2dwest.service'],
    ['%N', 'web@eu\\x2dwest'],
    ['%p', 'web'],
    ['%i', 'eu\\x2dwest'],
    ['%I', 'eu-west'],
    ['%f', '/eu-west'],
    ['%H %l', 'one.example one'],
    ['%m', 'f'.repeat(32)],
    ['100%%', '100%'],
    ['%S %t', '/state/state /state/runtime'],
    ['%y', '/units/web@eu\\x2dwest.service'],
  ])('%s', (text, expected) => {
    expect(expandSpecifiers(text, context)).toBe(expected);
  });

  it('that are unknown are named', () => {
    expect(() => expandSpecifiers('%z', context)).toThrow('%z');
    expect(() => expandSpecifiers('trailing %', context)).toThrow('%');
    expect(() => expandSpecifiers('%m', { ...context, machineId: undefined })).toThrow('machine id');
  });

  it('read a slash from a dash', () => {
    expect(expandSpecifiers('%P %J %j', { ...context, name: 'var-log-x.service' })).toBe('var/log/x x x');
  });
});

describe('command lines', () => {
  it.each([
    { line: '/bin/a b', commands: [{ path: '/bin/a', argv: ['/bin/a', 'b'], ignoreFailure: false, expandVariables: true }] },
    { line: '-/bin/a', commands: [{ path: '/bin/a', argv: ['/bin/a'], ignoreFailure: true, expandVariables: true }] },
    { line: '@-:/bin/a name b', commands: [{ path: '/bin/a', argv: ['name', 'b'], ignoreFailure: true, expandVariables: false }] },
    { line: '+!/bin/a', commands: [{ path: '/bin/a', argv: ['/bin/a'], ignoreFailure: false, expandVariables: true }] },
  ])('$line', ({ line, commands }) => {
    expect(parseCommandLine(line, context)).toEqual(commands);
  });

  it.each(['', '-', './relative', 'also/relative x', '/directory/', '@/bin/a', '/bin/a %z', '/bin/a "open'])('refuses %j', (line) => {
    expect(() => parseCommandLine(line, context)).toThrow();
  });
});

describe('environment files', () => {
  it.each([
    ['A=1\nB = 2 \n', { A: '1', B: '2' }],
    ['# A=1\n; B=2\nC=3', { C: '3' }],
    ['A="x y"z\nB=\'$x "\'\n', { A: 'x yz', B: '$x "' }],
    ['A="line 1\nline 2"\n', { A: 'line 1\nline 2' }],
    ['A="\\"\\$\\n"\n', { A: '"$\\n' }],
    ['A=one\\\ntwo\n', { A: 'onetwo' }],
    ['A=a\\ b\n', { A: 'a b' }],
    ['export A=1\n=2\n1X=3\n', {}],
    ['A=\nB=2', { A: '', B: '2' }],
    ['A="never closed', { A: 'never closed' }],
  ])('%j', (text, expected) => {
    expect(parseEnvironmentFile(text)).toEqual(expected);
  });
});

describe('start limits', () => {
  it('count in fixed windows', () => {
    const limit = new StartLimit();
    const settings = { intervalMs: 10, burst: 2 };
    expect([0, 1, 2, 10, 11, 12, 13].map((at) => limit.take(settings, at))).toEqual([true, true, false, false, true, true, false]);
    limit.reset();
    expect(limit.take(settings, 13)).toBe(true);
    expect([0, 0, 0].map(() => new StartLimit().take({ intervalMs: 0, burst: 1 }, 0))).toEqual([true, true, true]);
  });
});

describe('service files', () => {
  const read = (text: string, name = 'a.service') => readService(name, text, { ...context, name });
  const run = 'ExecStart=/bin/true\n';

  it('have the defaults of systemd', () => {
    expect(read(`[Service]\n${run}`)).toMatchObject({
      description: 'a.service',
      type: 'simple',
      restart: 'no',
      restartMs: 100,
      startTimeoutMs: 90_000,
      stopTimeoutMs: 90_000,
      startLimit: { intervalMs: 10_000, burst: 5 },
      killMode: 'control-group',
      killSignal: 'SIGTERM',
      stdout: { kind: 'log' },
      stderr: { kind: 'same' },
    });
    expect(read(`[Service]\nType=oneshot\n${run}`).startTimeoutMs).toBe(Infinity);
  });

  it('may have everything that is in the table', () => {
    for (const section of ['Unit', 'Install']) {
      for (const name of Object.keys(DIRECTIVES[section]!)) {
        const value = name === 'StartLimitAction' ? 'none' : /Limit/.test(name) ? '5' : 'x.target';
        expect(() => read(`[${section}]\n${name}=${value}\nWantedBy=x.target\n[Service]\n${run}`.replace(section === 'Unit' ? 'WantedBy=x.target\n' : '\0', ''))).not.toThrow();
      }
    }
  });

  it.each([
    { what: 'sections of fleet', text: `[Service]\n${run}[X-Fleet]\nGlobal=true\nAnything=goes\n` },
    { what: 'options of others', text: `[Service]\nX-Mine=1\n${run}` },
    { what: 'dependencies on targets', text: `[Unit]\nRequires=network.target\nAfter=docker.service\nWants=docker.service\n[Service]\n${run}` },
    { what: 'continued lines with comments in between', text: '[Service]\nExecStart=/bin/echo \\\n  # comment\n  one \\\n  two\n' },
    { what: 'its own user', text: `[Service]\nUser=${String(process.getuid?.())}\n${run}` },
    { what: 'lists that were emptied', text: `[Service]\nExecStart=/bin/a\nExecStart=\n${run}` },
  ])('may have $what', ({ text }) => {
    expect(() => read(text)).not.toThrow();
  });

  const refusals = [
    { what: 'a type that needs a notification socket', text: `[Service]\nType=notify\n${run}`, says: ['line 2: Type=', '"notify"'] },
    { what: 'forking', text: `[Service]\nType=forking\n${run}`, says: ['line 2: Type='] },
    { what: 'a resource limit', text: `[Service]\n${run}MemoryMax=1G\n`, says: ['line 3: MemoryMax='] },
    { what: 'a sandbox', text: `[Service]\n${run}PrivateTmp=yes\n`, says: ['line 3: PrivateTmp='] },
    { what: 'another user', text: `[Service]\n${run}User=nobody-here\n`, says: ['line 3: User=', 'nobody-here'] },
    { what: 'a condition', text: `[Unit]\nConditionPathExists=/x\n[Service]\n${run}`, says: ['line 2: ConditionPathExists='] },
    { what: 'a dependency on a unit', text: `[Unit]\nDescription=x\nRequires=docker.service\n[Service]\n${run}`, says: ['line 3: Requires=', 'docker.service'] },
    { what: 'a watchdog', text: `[Service]\nWatchdogSec=5\n${run}`, says: ['line 2: WatchdogSec='] },
    { what: 'a section that is misspelt', text: `[Service]\n${run}[Instal]\nWantedBy=x.target\n`, says: ['line 4: [Instal]'] },
    { what: 'output to a terminal', text: `[Service]\nStandardOutput=tty\n${run}`, says: ['line 2: StandardOutput=', '"tty"'] },
    { what: 'a bad time', text: `[Service]\nRestartSec=soon\n${run}`, says: ['line 2: RestartSec=', '"soon"'] },
    { what: 'a bad signal', text: `[Service]\nKillSignal=SIGNOPE\n${run}`, says: ['line 2: KillSignal='] },
    { what: 'a bad command', text: '[Service]\nExecStart=relative/path\n', says: ['line 2: ExecStart=', 'relative/path'] },
    { what: 'an unknown specifier', text: '[Service]\nExecStart=/bin/echo %z\n', says: ['line 2: ExecStart=', '%z'] },
    { what: 'a bad assignment', text: `[Service]\nEnvironment=NOVALUE\n${run}`, says: ['line 2: Environment=', 'NOVALUE'] },
    { what: 'two commands that are no oneshot', text: `[Service]\n${run}${run}`, says: ['line 3: ExecStart='] },
    { what: 'a oneshot that restarts always', text: `[Service]\nType=oneshot\nRestart=always\n${run}`, says: ['line 3: Restart='] },
    { what: 'no command', text: '[Service]\n', says: ['ExecStart='] },
    { what: 'nothing at all', text: '', says: ['ExecStart='] },
  ];
  it.each(refusals)('are refused for $what, with option and line', ({ text, says }) => {
    const attempt = (): unknown => read(text);
    for (const part of says) expect(attempt).toThrow(expect.objectContaining({ code: 'UNIT_REFUSED', kind: 'invalid', message: expect.stringContaining(part) as unknown, remedy: expect.any(String) as unknown }));
  });

  it('are refused for everything that is wrong at once', () => {
    const attempt = (): unknown => read('[Service]\nType=notify\nMemoryMax=1G\nExecStart=relative/x\n');
    for (const line of ['line 2', 'line 3', 'line 4']) expect(attempt).toThrow(line);
  });

  it('are services only', () => {
    expect(() => read('[Timer]\nOnBootSec=1\n', 'a.timer')).toThrow(expect.objectContaining({ code: 'UNIT_REFUSED' }));
  });
});
