import { describe, expect, it } from '@jest/globals';

import { JobTable } from './job-table.ts';

describe('jobs', () => {
  it('end as systemd says', async () => {
    const jobs = new JobTable();
    const job = await jobs.expect(async () => '/job/1');
    jobs.removed('/job/2', 'done');
    jobs.removed('/job/1', 'failed');
    expect(await job.result).toBe('failed');
  });

  it.each([
    { word: 'done', result: 'done' },
    { word: 'canceled', result: 'canceled' },
    { word: 'timeout', result: 'timeout' },
    { word: 'dependency', result: 'dependency' },
    { word: 'skipped', result: 'skipped' },
    { word: 'invalid', result: 'failed' },
    { word: 'collected', result: 'canceled' },
    { word: 'a word of a later systemd', result: 'failed' },
  ])('systemd says $word: $result', async ({ word, result }) => {
    const jobs = new JobTable();
    const job = await jobs.expect(async () => '/job/1');
    jobs.removed('/job/1', word);
    expect(await job.result).toBe(result);
  });

  it('may end before the reply that names them', async () => {
    const jobs = new JobTable();
    const job = await jobs.expect(async () => {
      jobs.removed('/job/1', 'done');
      return '/job/1';
    });
    expect(await job.result).toBe('done');
  });

  it('share one job of systemd', async () => {
    const jobs = new JobTable();
    const both = await Promise.all([jobs.expect(async () => '/job/1'), jobs.expect(async () => '/job/1')]);
    jobs.removed('/job/1', 'done');
    expect(await Promise.all(both.map((job) => job.result))).toEqual(['done', 'done']);
  });

  it('are canceled with the connection, also when it ends between reply and job', async () => {
    const jobs = new JobTable();
    const known = await jobs.expect(async () => '/job/1');
    jobs.cancelAll();
    expect(await known.result).toBe('canceled');
    const late = await jobs.expect(async () => {
      jobs.cancelAll();
      return '/job/2';
    });
    expect(await late.result).toBe('canceled');
  });

  it('pass on why there is none', async () => {
    const failure = new Error('refused');
    await expect(new JobTable().expect(() => Promise.reject(failure))).rejects.toBe(failure);
  });
});
