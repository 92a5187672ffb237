import { describe, expect, it } from '@jest/globals';
import { apiError } from './errors.ts';
import { coveringPattern, exactName, exactPattern, isPattern, nameFilter } from './names-filter.ts';
import { parseSshTarget, shellCommand, sshArguments, type SshOptions } from './ssh/ssh-command.ts';
import { parseEndpoint } from './transports/endpoint.ts';
import { unitNameOf, withUnitType } from './workflows/unit-arguments.ts';

describe('endpoints', () => {
  it.each([
    ['unix:///var/run/fleet.sock', { kind: 'unix', path: '/var/run/fleet.sock' }],
    ['unix:/var/run/fleet.sock', { kind: 'unix', path: '/var/run/fleet.sock' }],
    ['file:///a%20b', { kind: 'unix', path: '/a b' }],
    ['http://h:80/p/', { kind: 'tcp', tls: false, hostname: 'h', port: 80, authority: 'h:80', pathPrefix: '/p' }],
    ['https://[::1]', { kind: 'tcp', tls: true, hostname: '::1', port: 443, authority: '[::1]', pathPrefix: '' }],
  ])('%s', (text, expected) => expect(parseEndpoint(text)).toEqual(expected));
  it.each([
    ['localhost', 'URL scheme undefined'],
    ['', 'URL scheme undefined'],
    ['127.0.0.1:9', 'parse "127.0.0.1:9": first path segment in URL cannot contain colon'],
    ['unix://var/run/x.sock', 'unable to connect to host "var" with scheme "unix"'],
    ['ftp://x', 'URL scheme "ftp" not supported'],
    ['http://', 'no valid host'],
    ['http:/h', 'no valid host'],
    ['http://h:99999', 'invalid port'],
  ])('refuses %s', (text, message) => expect(() => parseEndpoint(text)).toThrow(message));
});

describe('answers that are failures', () => {
  it.each([
    [503, '{"error":{"code":503,"message":"no etcd"}}', 'googleapi: Error 503: no etcd', 'API_ERROR', 'unavailable'],
    [400, '{"error":{"code":0,"message":"m"}}', 'googleapi: Error 400: m', 'API_ERROR', 'invalid'],
    [500, '{"error":{"code":500,"message":""}}', 'googleapi: got HTTP response code 500 with body: {"error":{"code":500,"message":""}}', 'API_ERROR', 'internal'],
    [404, '{"error":{"code":404,"message":"gone","name":"UNIT_NOT_FOUND"}}', 'googleapi: Error 404: gone', 'UNIT_NOT_FOUND', 'not-found'],
    [404, '404 page not found\n', 'googleapi: got HTTP response code 404 with body: 404 page not found\n', 'API_ERROR', 'not-found'],
    [502, '<html>', 'googleapi: got HTTP response code 502 with body: <html>', 'API_ERROR', 'unavailable'],
  ])('%i %s', (status, body, message, code, kind) => expect(apiError(status, body)).toMatchObject({ message, code, kind }));
});

describe('names', () => {
  it.each([
    ['foo', 'foo.service'],
    ['foo.1', 'foo.1.service'],
    ['a/b.timer', 'b.timer'],
    ['a/b/', 'b.service'],
    ['x.target', 'x.target'],
    ['web@1', 'web@1.service'],
  ])('%s', (argument, name) => expect(unitNameOf(argument)).toBe(name));
  it('file of an argument', () => expect([withUnitType('d/web@1'), withUnitType('d/x.socket')]).toEqual(['d/web@1.service', 'd/x.socket']));
  it('patterns', () => {
    expect(['a*', 'b?', '[c]', 'd/e@*', 'd@1', String.raw`e\x2d`, 'd[1]*/e.service'].map(isPattern)).toEqual([true, true, true, true, false, false, false]);
    const odd = String.raw`a\x2d@1.service`;
    expect(exactName(exactPattern(odd))).toBe(odd);
    expect(nameFilter(exactPattern(odd))(odd)).toBe(true);
    expect(exactName('a*')).toBeUndefined();
    expect(coveringPattern(['web@1.service', 'web@22.service'])).toBe('web@*');
    expect(coveringPattern(['a.service', 'b.service'])).toBeUndefined();
    expect(coveringPattern(['a.service'])).toBe('a.service');
  });
});

describe('ssh', () => {
  const options: SshOptions = { username: 'core', timeoutSeconds: 10, strictHostKeyChecking: true, knownHostsFile: '/k', tunnel: undefined };
  it.each([
    ['h', { host: 'h', port: 22 }],
    ['h:2222', { host: 'h', port: 2222 }],
    ['[::1]:23', { host: '::1', port: 23 }],
    ['fe80::1', { host: 'fe80::1', port: 22 }],
  ])('target %s', (text, expected) => expect(parseSshTarget(text)).toEqual(expected));
  it.each(['', '-oProxyCommand=x', 'a b', 'h;rm', '$(x)'])('refuses target %j', (text) => expect(() => parseSshTarget(text)).toThrow('is not host[:port]'));
  it.each([['h:0', 22], ['h', 99_999]])('refuses the port of %j, %d', (text, port) => expect(() => parseSshTarget(text, port)).toThrow(/^\d+ is not a port$/));
  it('checks host keys against the file named, and asks', () => {
    expect(sshArguments({ host: 'h', port: 22 }, options).join(' ')).toBe('-l core -o ConnectTimeout=10 -o StrictHostKeyChecking=ask -o UserKnownHostsFile="/k" -o GlobalKnownHostsFile=/dev/null -o HashKnownHosts=no -a -p 22 -- h');
  });
  it('accepts anything and keeps nothing when told so', () => {
    expect(sshArguments({ host: 'h', port: 22 }, { ...options, strictHostKeyChecking: false, forwardAgent: true }).join(' ')).toBe('-l core -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR -A -p 22 -- h'.replace('-o Strict', '-o ConnectTimeout=10 -o Strict'));
  });
  it('goes through a bastion with the same settings', () => {
    expect(sshArguments({ host: 'h', port: 22 }, { ...options, tunnel: 'b:2222' })).toContain(
      `ProxyCommand=ssh -l core -o ConnectTimeout=10 -o StrictHostKeyChecking=ask -o 'UserKnownHostsFile="/k"' -o GlobalKnownHostsFile=/dev/null -o HashKnownHosts=no -a -p 2222 -W '[%h]:%p' -- b`,
    );
  });
  it('quotes words for the shell there', () => {
    expect(shellCommand(['systemctl', 'status', "it's $HOME.service", ''])).toBe(String.raw`systemctl status 'it'\''s $HOME.service' ''`);
  });
});
