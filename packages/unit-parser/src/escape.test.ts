import { describe, expect, it } from '@jest/globals';

import { escapePath, escapeUnitName, unescapePath, unescapeUnitName } from './escape.ts';

/** The expected values are what systemd-escape (252) prints; `null` where it fails. */
describe('escaping as systemd-escape', () => {
  it.each([
    ['Hallöchen, Meister', 'Hall\\xc3\\xb6chen\\x2c\\x20Meister'],
    ['.foo', '\\x2efoo'],
    ['foo-bar/baz', 'foo\\x2dbar-baz'],
    ['a b', 'a\\x20b'],
    ['/', '-'],
  ])('%s', (text, escaped) => {
    expect(escapeUnitName(text)).toBe(escaped);
    expect(unescapeUnitName(escaped)).toBe(text);
  });

  it.each([
    ['/tmp//waldi/foobar/', 'tmp-waldi-foobar'],
    ['/', '-'],
    ['/.', '-'],
    ['/foo/./bar', 'foo-bar'],
    ['/.hidden/x', '\\x2ehidden-x'],
    ['tmp/x', 'tmp-x'],
    ['/a/../b', null],
    ['', '-'],
    ['/dev-x/y z', 'dev\\x2dx-y\\x20z'],
  ])('path %s', (path, escaped) => {
    expect(escapePath(path)).toBe(escaped);
  });

  it.each([
    ['tmp-waldi', '/tmp/waldi', 'tmp/waldi'],
    ['-', '/', '/'],
    ['a--b', null, 'a//b'],
    ['', null, ''],
    ['-a', null, '/a'],
    ['a-', null, 'a/'],
    ['a\\x2db', '/a-b', 'a-b'],
    ['\\x2ehidden', '/.hidden', '.hidden'],
    ['a-.-b', null, 'a/./b'],
    ['a\\b', null, null],
    ['a\\x00', null, null],
  ])('back from %s', (escaped, path, text) => {
    expect(unescapePath(escaped)).toBe(path);
    expect(unescapeUnitName(escaped)).toBe(text);
  });
});
