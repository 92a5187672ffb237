import { describe, expect, it } from '@jest/globals';

import { parseUnitFile } from './lexer.ts';

describe('places', () => {
  it('gives options their line and column', () => {
    const result = parseUnitFile('# c \\\n# d\n[A]\n\n  x=1 \\\n 2\n[B\n]\n\u00a0y=é\nz=2');
    expect(result).toEqual({
      ok: true,
      options: [
        { section: 'A', name: 'x', value: '1 \\\n 2', line: 5, column: 3 },
        { section: 'B\n', name: 'y', value: 'é', line: 9, column: 2 },
        { section: 'B\n', name: 'z', value: '2', line: 10, column: 1 },
      ],
    });
  });

  it.each([
    ['header not closed', '[A]\nx=1\n  [B\n', 'unclosed-section', 3, 3],
    ['text after a header', '[A]  é東 x\n', 'garbage-after-section', 1, 6],
    ['line without an equals sign', '[A]\nx=1\n\té x\n', 'newline-in-name', 3, 2],
    ['the same at the end', '[A]\nx=1\n y', 'missing-equals', 3, 2],
    ['line too long', `[A]\nx=1\n${'y'.repeat(2048)}\n`, 'line-too-long', 3, 1],
    ['folded line too long', `[A]\nx=1 \\\n${'y'.repeat(2048)}\n`, 'line-too-long', 3, 1],
  ])('gives an error its place: %s', (_title, text, code, line, column) => {
    const result = parseUnitFile(text);
    if (result.ok) throw new Error('read');
    expect({ ...result.error, remedy: '' }).toEqual({ code, message: result.error.message, line, column, remedy: '' });
    expect(result.error.remedy).not.toBe('');
  });
});
