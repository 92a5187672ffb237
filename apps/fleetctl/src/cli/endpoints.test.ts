import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { Transport } from '@fleet/api-client/fast';
import { createFailoverTransport, readEndpoints } from './endpoints.ts';

describe('the list of endpoints', () => {
  it.each([
    { name: 'one', text: 'http://a', endpoints: ['http://a'] },
    { name: 'several, with blanks and gaps', text: 'http://a, http://b,,', endpoints: ['http://a', 'http://b'] },
    { name: 'none', text: '', endpoints: ['unix:///default'] },
    { name: 'only a comma', text: ',', endpoints: ['unix:///default'] },
  ])('$name', ({ text, endpoints }) => {
    expect(readEndpoints(text, 'unix:///default')).toEqual(endpoints);
  });
});

describe('several endpoints', () => {
  const up = new Set<string>();
  const closed: string[] = [];
  const transport = (host: string): Transport => ({
    origin: `http://${host}`,
    host,
    pathPrefix: `/${host}`,
    connect: () => (up.has(host) ? Promise.resolve(new PassThrough()) : Promise.reject(new Error(`${host} is down`))),
    close: () => closed.push(host),
  });

  it('are tried in order; the one that answers is kept until it does not', async () => {
    const either = createFailoverTransport(transport('a'), transport('b'));
    await expect(either.connect(undefined)).rejects.toThrow('a is down');
    expect(either.host).toBe('a');
    up.add('b');
    await either.connect(undefined);
    expect([either.origin, either.host, either.pathPrefix]).toEqual(['http://b', 'b', '/b']);
    up.add('a');
    await either.connect(undefined);
    expect(either.host).toBe('b');
    up.delete('b');
    await either.connect(undefined);
    expect(either.host).toBe('a');
    either.close();
    expect(closed).toEqual(['a', 'b']);
  });
});
