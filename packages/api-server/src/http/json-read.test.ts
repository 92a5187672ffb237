import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { foldMembers, JsonSyntaxError, readJson, toPlain, type Shape } from './json-read.ts';

describe('readJson', () => {
  it.each([
    ['nothing', '', 'EOF'],
    ['blanks only', ' \t\r\n', 'EOF'],
    ['open object', '{', 'unexpected EOF'],
    ['open list', '[1,', 'unexpected EOF'],
    ['open string', '"abc', 'unexpected EOF'],
    ['half a word', 'tru', 'unexpected EOF'],
    ['lone minus', '-', 'unexpected EOF'],
    ['half a fraction', '1.', 'unexpected EOF'],
    ['wrong word', 'trux', 'invalid character "x" in literal true (offset 3)'],
    ['no value', '}', 'invalid character "}" looking for beginning of value (offset 0)'],
    ['key without quotes', '{a:1}', 'invalid character "a" looking for beginning of object key string (offset 1)'],
    ['comma at the end', '[1,]', 'invalid character "]" looking for beginning of value (offset 3)'],
    ['control character', '"a\nb"', 'invalid character "\\n" in string literal (offset 2)'],
    ['bad escape', String.raw`"\x"`, 'invalid character "x" in string escape code (offset 2)'],
    ['bad unicode escape', String.raw`"\u12g4"`, String.raw`invalid character "g" in \u hexadecimal character escape (offset 5)`],
    ['byte order mark', '\uFEFF{}', 'invalid character "\uFEFF" looking for beginning of value (offset 0)'],
    ['too deep', '['.repeat(600), 'exceeded max depth'],
  ])('refuses %s', (_name, text, message) => {
    expect(() => readJson(text)).toThrow(new JsonSyntaxError(message));
  });

  it('ignores what follows the first value', () => {
    expect(toPlain(readJson('{"a":1} {"b":2} x'))).toEqual({ a: 1 });
  });

  it('reads a leading zero as the number and leaves the rest', () => {
    expect(toPlain(readJson('01'))).toBe(0);
  });

  it('puts U+FFFD for lone surrogates', () => {
    expect(toPlain(readJson(String.raw`"a\ud800b\ud83d\ude00"`))).toBe('a\ufffdb😀');
  });

  it('reads all that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(toPlain(readJson(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('gives a value or a JsonSyntaxError for anything', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[[\]{}",:0-9a-u\\ .eE+-]{0,40}$/)), (text) => {
        try {
          toPlain(readJson(text));
        } catch (error) {
          expect(error).toBeInstanceOf(JsonSyntaxError);
        }
      }),
    );
  });
});

describe('foldMembers', () => {
  const shape: Shape = { name: null, options: [{ value: null }], inner: { value: null } };
  it.each([
    ['any letter case', '{"NAME":"a","Options":[{"VALUE":"b"}]}', { name: 'a', options: [{ value: 'b' }] }],
    ['the last double', '{"name":"a","Name":"b","NAME":"c","name":"d"}', { name: 'd' }],
    ['null as absent', '{"name":"a","NAME":null,"options":null}', { name: 'a' }],
    ['null as no list', '{"options":[{"value":"a"}],"options":null}', {}],
    ['a double of the wrong type before all others', '{"name":1,"name":"a"}', { name: 1 }],
    ['the same inside of a list', '{"options":[{"value":1}],"options":[{"value":"a"}]}', { options: [{ value: 1 }] }],
    ['the same instead of a list', '{"options":{"value":"b"},"options":[{"value":"a"}]}', { options: { value: 'b' } }],
    ['an object', '{"inner":{"VALUE":"a"}}', { inner: { value: 'a' } }],
    ['unknown members', '{"other":{"name":[1]},"name":"a"}', { name: 'a' }],
    ['a null item', '{"options":[null]}', { options: [null] }],
    ['the Kelvin sign and the long s', '{"optionſ":[]}', { options: [] }],
    ['no object', '[1]', [1]],
    ['null', 'null', null],
    ['a member that is named like a builtin', '{"__proto__":{"name":"x"},"name":"a"}', { name: 'a' }],
  ])('takes %s', (_name, text, expected) => {
    expect(foldMembers(readJson(text), shape)).toEqual(expected);
  });
});
