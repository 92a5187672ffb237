import type { ChangeEvent } from '@fleet/api/wire';
import { systemClock } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { describe, expect, it } from '@jest/globals';
import { followChanges } from './changes.ts';
import { ApiError, requestFailed } from './errors.ts';

type Part = string | Error;

async function* body(parts: readonly Part[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield Buffer.from(part);
  }
  await Promise.resolve();
}

const event = (revision: number, id = true): string => `event: progress\ndata: {"kind":"progress","revision":${revision}}\n${id ? `id: ${revision}\n` : ''}\n`;
const broken = requestFailed('GET', 'http://x', 'unexpected EOF');
// Waiting between tries is not what these tests are about.
const clock = { ...systemClock, sleep: () => Promise.resolve() };

/** Follows streams given one after the other, until `count` events have come; what was asked for beside them. */
async function follow(streams: readonly (readonly Part[] | Error)[], count: number): Promise<{ revisions: number[]; since: (number | undefined)[] }> {
  const since: (number | undefined)[] = [];
  const revisions: number[] = [];
  const changes = followChanges({
    clock,
    signal: new AbortController().signal,
    since: undefined,
    decode: (value) => value as ChangeEvent,
    open: (from) => {
      const next = streams[since.length];
      since.push(from);
      if (next === undefined) throw new Error('no more streams');
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(body(next));
    },
  });
  for await (const change of changes) {
    revisions.push(change.revision);
    if (revisions.length === count) break;
  }
  return { revisions, since };
}

describe('followChanges', () => {
  it('goes on after the last whole revision when the stream breaks or ends', async () => {
    expect(await follow([[event(1), event(2), event(3, false), broken], [event(3)], [event(4)]], 5)).toEqual({ revisions: [1, 2, 3, 3, 4], since: [undefined, 2, 3] });
  });

  it('keeps trying while the server is away', async () => {
    expect(await follow([[event(1)], broken, new ApiError('503', { status: 503, reason: 'x' }), [event(2)]], 2)).toEqual({ revisions: [1, 2], since: [undefined, 1, 1, 1] });
  });

  it('throws the last failure once the stream has been away for too long', async () => {
    const fake = new FakeClock();
    const away = new ApiError('503', { status: 503, reason: 'away' });
    let opened = 0;
    const changes = followChanges({
      clock: fake,
      signal: new AbortController().signal,
      since: undefined,
      giveUpAfterMs: 10_000,
      decode: (value) => value as ChangeEvent,
      open: () => {
        opened += 1;
        return opened === 1 ? Promise.resolve(body([event(1)])) : Promise.reject(opened % 2 === 0 ? broken : away);
      },
    });
    const seen: number[] = [];
    const outcome = (async () => {
      for await (const change of changes) seen.push(change.revision);
    })().then(
      () => 'ended',
      (error: unknown) => error,
    );
    await fake.advance(9_000);
    expect(seen).toEqual([1]);
    expect(opened).toBeGreaterThan(3);
    await fake.advance(5_000);
    expect([broken, away]).toContain(await outcome);
    expect(fake.pending).toBe(0);
  });

  it('starts over when the revision is no longer kept', async () => {
    expect(await follow([[event(1)], new ApiError('410', { status: 410, reason: 'compacted' }), [event(9)]], 2)).toEqual({ revisions: [1, 9], since: [undefined, 1, undefined] });
  });

  it('does not hide that the first try failed, or an answer that will not change', async () => {
    await expect(follow([broken], 1)).rejects.toBe(broken);
    const refused = new ApiError('400', { status: 400, reason: 'bad name' });
    await expect(follow([[event(1)], refused], 2)).rejects.toBe(refused);
  });
});
