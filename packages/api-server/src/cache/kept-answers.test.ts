import { describe, expect, it } from '@jest/globals';
import { KeptAnswers } from './kept-answers.ts';

describe('KeptAnswers', () => {
  it('makes an answer once per request and revision', async () => {
    const kept = new KeptAnswers();
    let made = 0;
    const ask = async (key: string, revision: number): Promise<string> => String((await kept.get(key, revision, () => ({ status: 200, body: `${key} ${revision} ${(made += 1)}` }))).body);
    expect([await ask('a', 1), await ask('a', 1), await ask('b', 1)]).toEqual(['a 1 1', 'a 1 1', 'b 1 2']);
    expect([await ask('a', 2), await ask('a', 2)]).toEqual(['a 2 3', 'a 2 3']);
  });

  it('does not keep what was made while the revision moved on', async () => {
    const kept = new KeptAnswers();
    let finish = (): void => undefined;
    const slow = kept.get('a', 1, async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return { status: 200, body: 'old' };
    });
    await kept.get('b', 2, () => ({ status: 200, body: 'new' }));
    finish();
    expect((await slow).body).toBe('old');
    expect((await kept.get('a', 2, () => ({ status: 200, body: 'fresh' }))).body).toBe('fresh');
  });

  it.each([
    { title: 'of long answers', keys: ['a', 'b'], body: 'x'.repeat(9 * 1024 * 1024) },
    { title: 'of long questions', keys: ['a'.repeat(9 * 1024 * 1024), 'b'.repeat(9 * 1024 * 1024)], body: '{}' },
  ])('keeps within its bound $title', async ({ keys, body }) => {
    const kept = new KeptAnswers();
    let made = 0;
    for (const key of [...keys, ...keys]) await kept.get(key, 1, () => ({ status: 200, body, headers: { made: String((made += 1)) } }));
    expect(made).toBe(3);
  });
});
