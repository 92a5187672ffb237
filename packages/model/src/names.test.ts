import { describe, expect, it } from '@jest/globals';

import { parseMachineId, toUnitName } from './index.ts';

describe('toUnitName', () => {
  it.each([
    ['web@1.service', true, ''],
    ['web', false, 'unit name must contain "."'],
    ['a/b.service', false, "invalid character '/' in unit name"],
  ])('%s', (text, ok, message) => {
    expect(toUnitName(text)).toEqual(ok ? { ok, value: text } : { ok, message });
  });
});

describe('parseMachineId', () => {
  it.each([
    ['an id of systemd', '0123456789abcdef0123456789abcdef', '0123456789abcdef0123456789abcdef'],
    ['the content of the file', '0123456789abcdef0123456789abcdef\n', '0123456789abcdef0123456789abcdef'],
    ['any word', 'machine-1', 'machine-1'],
    ['nothing', '\n', null],
    ['a path', 'a/b', null],
    ['a way out', '..', null],
    ['two words', 'a b', null],
    ['too long', 'a'.repeat(129), null],
  ])('%s', (_title, text, id) => {
    const parsed = parseMachineId(text);
    expect(parsed.ok ? parsed.value : null).toBe(id);
    if (!parsed.ok) expect(parsed.message).toContain(JSON.stringify(text.trim()));
  });
});
