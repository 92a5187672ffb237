import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseQuery, percentDecode } from './query.ts';
import { parseRequestTarget } from './request-target.ts';

describe('parseRequestTarget', () => {
  it.each([
    ['plain', '/fleet/v1/units', { kind: 'path', path: '/fleet/v1/units', query: '' }],
    ['query', '/a?b=c?d', { kind: 'path', path: '/a', query: 'b=c?d' }],
    ['asterisk', '*', { kind: 'asterisk' }],
    ['absolute form', 'http://host:1/fleet/v1/units?x=1', { kind: 'path', path: '/fleet/v1/units', query: 'x=1' }],
    ['absolute form without a path', 'http://host?x', { kind: 'path', path: '/', query: 'x' }],
    ['no slash', 'fleet', { kind: 'malformed' }],
    ['empty', '', { kind: 'path', path: '/', query: '' }],
    ['escapes', '/units/a%40b%5C', { kind: 'path', path: '/units/a@b\\', query: '' }],
    ['encoded slash', '/units/a%2Fb', { kind: 'path', path: '/units/a/b', query: '' }],
    ['malformed escape', '/units/%zz', { kind: 'malformed' }],
    ['cut-off escape', '/units/%4', { kind: 'malformed' }],
    ['escapes that are no UTF-8', '/units/%ff', { kind: 'path', path: '/units/\ufffd', query: '' }],
    ['raw UTF-8 bytes', Buffer.from('/ünit').toString('latin1'), { kind: 'path', path: '/ünit', query: '' }],
    ['double slash', '/fleet/v1//units', { kind: 'unclean', location: '/fleet/v1/units' }],
    ['leading double slash', '//fleet', { kind: 'unclean', location: '/fleet' }],
    ['dot', '/fleet/./v1?a=b', { kind: 'unclean', location: '/fleet/v1?a=b' }],
    ['dot dot', '/a/../b', { kind: 'unclean', location: '/b' }],
    ['dot dot beyond the root', '/../../etc/passwd', { kind: 'unclean', location: '/etc/passwd' }],
    ['encoded dot dot', '/a/%2e%2e/b', { kind: 'unclean', location: '/b' }],
    ['slash at the end stays', '/a//b/', { kind: 'unclean', location: '/a/b/' }],
    ['location is escaped', '/a//b c%3Fd%0D%0A%C3%A9@', { kind: 'unclean', location: '/a/b%20c%3Fd%0D%0A%C3%A9@' }],
    ['location is escaped as in Go', "/a//b!'()*~$&+,:;=@", { kind: 'unclean', location: '/a/b%21%27%28%29%2A~$&+,:;=@' }],
    ['raw bytes in the query of a location', Buffer.from('/a//b?€=%20é').toString('latin1'), { kind: 'unclean', location: '/a/b?%E2%82%AC=%20%C3%A9' }],
    ['dots inside a segment', '/a..b/.c/d.', { kind: 'path', path: '/a..b/.c/d.', query: '' }],
  ])('%s', (_name, target, expected) => {
    expect(parseRequestTarget(target)).toEqual(expected);
  });

  it('never throws, and a clean location stays clean', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\/[/.%a-f0-9?=]{0,30}$/), (target) => {
        const first = parseRequestTarget(target);
        if (first.kind === 'unclean') expect(parseRequestTarget(first.location).kind).toBe('path');
      }),
    );
  });
});

describe('parseQuery', () => {
  it.each([
    ['', []],
    ['a=1&b=2&a=3', [['a', ['1', '3']], ['b', ['2']]]],
    ['a', [['a', ['']]]],
    ['&&a=&', [['a', ['']]]],
    ['a=b+c%20d', [['a', ['b c d']]]],
    ['a=%zz&b=1', [['b', ['1']]]],
    ['%zz=1', []],
    ['a=%ff', [['a', ['\ufffd']]]],
    ['a==', [['a', ['=']]]],
  ])('%s', (query, expected) => {
    expect([...parseQuery(query)]).toEqual(expected);
  });
});

describe('percentDecode', () => {
  it('mixes text and bytes that are no UTF-8', () => {
    expect(percentDecode('a%C3%A9b%ffc')).toBe('aéb\ufffdc');
  });
});
