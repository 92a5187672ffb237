import { describe, expect, it } from '@jest/globals';
import type { MachineInfo, UnitStateInfo, UnitSummary } from '@fleet/api-client/fast';
import { globalFlags } from '../definitions/globals.ts';
import { commands } from '../definitions/index.ts';
import { machineColumns, machineLegend, unitColumns, unitFileColumns } from './columns.ts';
import { formatDiff } from './diff.ts';
import { renderCommandHelp } from './help.ts';
import { LinePrefixer } from './line-prefixer.ts';
import { fitToHeight } from './live-table.ts';
import { styleOf } from './style.ts';
import { formatTable } from './table.ts';

const plain = styleOf({ isTerminal: false }, {});

describe('formatTable', () => {
  it('lines up at tab stops of eight, to the byte', () => {
    expect(formatTable(['machine', 'ip', 'metadata'], [['3fa1c0de...', '127.0.0.2', 'az=a,role=db'], ['c44e09b7...', '127.0.0.4', '-']], { legend: true })).toBe(
      'MACHINE\t\tIP\t\tMETADATA\n3fa1c0de...\t127.0.0.2\taz=a,role=db\nc44e09b7...\t127.0.0.4\t-\n',
    );
  });
  const widths: readonly (readonly [string, string, string])[] = [
    ['seven fit before a stop', '1234567', '1234567\tx\nA\tx\n'],
    ['eight need the next', '12345678', '12345678\tx\nA\t\tx\n'],
    ['fifteen', '123456789012345', '123456789012345\tx\nA\t\tx\n'],
    ['sixteen', '1234567890123456', '1234567890123456\tx\nA\t\t\tx\n'],
    ['characters, not bytes', 'ääääääää', 'ääääääää\tx\nA\t\tx\n'],
    ['characters, not halves of them', '🚀🚀🚀🚀🚀🚀🚀', '🚀🚀🚀🚀🚀🚀🚀\tx\nA\tx\n'],
  ];
  it.each(widths)('%s', (_, cell, expected) => expect(formatTable(['a', 'b'], [[cell, 'x'], ['A', 'x']], { legend: false })).toBe(expected));
  it('names columns as they were asked for, also with no rows', () => expect(formatTable(['unit', 'sub', 'unit'], [], { legend: true })).toBe('UNIT\tSUB\tUNIT\n'));
});

describe('columns', () => {
  const machines = new Map<string, MachineInfo>([['3fa1c0de5b8e4d17a2c94e6f70b18d25', { id: '3fa1c0de5b8e4d17a2c94e6f70b18d25', primaryIP: '192.0.2.11', metadata: { b: '2', a: '1' }, version: '', units: 0 }]]);
  const state: UnitStateInfo = { name: 'a.service', machineID: '3fa1c0de5b8e4d17a2c94e6f70b18d25', hash: 'e691c7738733', load: 'loaded', active: 'active', sub: 'running', asked: 'launched', generation: 1 };
  const unit: UnitSummary = { name: 'a.service', hash: 'e691c7738733', desiredState: 'launched', currentState: 'inactive', global: false, generation: 1 };
  const cells = <T>(columns: Readonly<Record<string, (row: T, context: { full: boolean; machines: typeof machines }) => string>>, row: T, full: boolean): Record<string, string> =>
    Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column(row, { full, machines })]));

  it('of a state', () => expect(cells(unitColumns, state, false)).toEqual({ unit: 'a.service', load: 'loaded', active: 'active', sub: 'running', machine: '3fa1c0de.../192.0.2.11', hash: 'e691c77' }));
  it('of a state, in full', () => expect(cells(unitColumns, state, true)).toMatchObject({ machine: '3fa1c0de5b8e4d17a2c94e6f70b18d25/192.0.2.11', hash: 'e691c7738733' }));
  it('of a state with next to nothing', () => expect(cells(unitColumns, { ...state, machineID: 'zz', hash: 'abc', active: '' }, false)).toMatchObject({ machine: 'zz...', hash: 'abc', active: '-' }));
  it('of a unit that is nowhere', () => expect(cells(unitFileColumns, unit, false)).toEqual({ unit: 'a.service', hash: 'e691c77', dstate: 'launched', state: 'inactive', target: '-', tmachine: '-', global: 'false', desc: '-' }));
  it('of a global unit', () => expect(cells(unitFileColumns, { ...unit, global: true, description: 'D' }, false)).toMatchObject({ state: '-', target: 'global', global: 'true', desc: 'D' }));
  it('of a machine', () => expect(cells(machineColumns, machines.get('3fa1c0de5b8e4d17a2c94e6f70b18d25')!, false)).toEqual({ machine: '3fa1c0de...', ip: '192.0.2.11', metadata: 'a=1,b=2' }));
  it('of a bare machine', () => expect(cells(machineColumns, { id: 'zz', metadata: {}, version: '', units: 0 }, false)).toEqual({ machine: 'zz...', ip: '-', metadata: '-' }));
  it('legend without address', () => expect(machineLegend('3fa1c0de5b8e', undefined, true)).toBe('3fa1c0de5b8e'));
});

describe('formatDiff', () => {
  it('is empty for equal texts', () => expect(formatDiff('a\n', 'a\n', ['x', 'y'], plain)).toBe(''));
  it('shows what goes and what comes, with three lines around', () => {
    const before = 'a\nb\nc\nd\ne\nf\ng\nh\n';
    expect(formatDiff(before, before.replace('g', 'G').replace('h\n', 'h\ni\n'), ['x', 'y'], plain)).toBe('--- x\n+++ y\n@@\n d\n e\n f\n-g\n+G\n h\n+i\n');
  });
  it('copes with texts that are too long to compare', () => {
    const long = (line: string): string => `${line}\n`.repeat(2_500);
    expect(formatDiff(long('a'), long('b'), ['x', 'y'], plain).split('\n')).toHaveLength(5_003);
  });
});

describe('styleOf', () => {
  const terminal = { isTerminal: true };
  it.each([
    ['a terminal', terminal, {}, '\u001b[31mx\u001b[39m'],
    ['no terminal', { isTerminal: false }, {}, 'x'],
    ['NO_COLOR', terminal, { NO_COLOR: '1' }, 'x'],
    ['an empty NO_COLOR', terminal, { NO_COLOR: '' }, '\u001b[31mx\u001b[39m'],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, 'x'],
  ])('%s', (_, output, env, expected) => expect(styleOf(output, env).red('x')).toBe(expected));
  it.each([
    ['a terminal that says so', terminal, { LANG: 'C.UTF-8' }, true],
    ['one that does not', terminal, { LANG: 'C' }, false],
    ['no terminal', { isTerminal: false }, { LANG: 'C.UTF-8' }, false],
    ['NO_COLOR', terminal, { LANG: 'C.UTF-8', NO_COLOR: '1' }, false],
  ])('unicode on %s', (_, output, env, expected) => expect(styleOf(output, env).unicode).toBe(expected));
});

describe('fitToHeight', () => {
  it.each([
    ['a picture that fits', 'a\nb\nc\n', 4, 'a\nb\nc\n'],
    ['one that does not', 'a\nb\nc\nd\n', 4, 'a\nb\n... 2 more lines\n'],
    ['a terminal of next to nothing', 'a\nb\nc\n', 1, 'a\n... 2 more lines\n'],
  ])('%s', (_, text, rows, expected) => expect(fitToHeight(text, rows)).toBe(expected));
});

it('LinePrefixer keeps lines whole, whatever pieces they come in', () => {
  const written: string[] = [];
  const prefixer = new LinePrefixer('u | ', (text) => written.push(text));
  for (const piece of ['a', 'b\nc', '\n', '\nlast']) prefixer.take(piece);
  prefixer.end();
  expect(written.join('')).toBe('u | ab\nu | c\nu | \nu | last\n');
});

describe('help', () => {
  it.each(commands.map((command) => ({ name: command.name, command })))('of $name has usage, an example that begins with the command, and every flag', ({ command }) => {
    const help = renderCommandHelp(command, globalFlags);
    expect(help).toMatch(new RegExp(`^NAME:\\n\\t${command.name} - \\S.*\\n\\nUSAGE:\\n\\tfleetctl ${command.name}`));
    expect(help).toMatch(new RegExp(`^\\t\\$ .*fleetctl ${command.name}\\b`, 'm'));
    for (const flag of [...command.flags, ...globalFlags]) expect(help).toContain(`--${flag.name}`);
  });
});
