import { beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { Following } from './following.ts';
import { runBundle, UNITS, type BundleRun } from './run-bundle.ts';
import { useCluster } from './use-cluster.ts';

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const MACHINE = /\d{8}\.\.\.\/127\.0\.0\.\d/g;

// Machines without systemd: their fleetd says where it keeps the output of units.
describe('on machines without systemd', () => {
  const { env } = useCluster({ machines: 2 });
  const fleetctl = async (...argv: readonly string[]): Promise<BundleRun> => {
    const { code, stdout, stderr } = await runBundle(argv, { cwd: UNITS, env: env() });
    const same = (text: string): string => text.replaceAll(TIME, 'TIME').replaceAll(MACHINE, 'MACHINE').replaceAll(/\d{32}/g, 'ID');
    return { code, stdout: same(stdout), stderr: same(stderr) };
  };

  beforeAll(async () => {
    expect(await fleetctl('start', 'said', 'hello', 'all')).toMatchObject({ code: 0, stderr: '' });
    expect(await fleetctl('load', 'web@1')).toMatchObject({ code: 0, stderr: '' });
  }, 30_000);

  it('status shows the report of the machine and the last output', async () => {
    expect(await fleetctl('status', 'said')).toEqual({
      code: 0,
      stdout: ['said.service - Says one thing', '     Loaded: loaded (26b0487)', '     Active: active (exited)', '    Machine: MACHINE', '', 'TIME fleet: starting: Says one thing', 'said', ''].join('\n'),
      stderr: '',
    });
  });

  it('status of a unit that is not running ends as systemctl does', async () => {
    const run = await fleetctl('status', 'web@1');
    expect(run).toMatchObject({ code: 3, stderr: '' });
    expect(run.stdout).toContain('Active: inactive (dead)');
  });

  it('status of a global unit shows every machine', async () => {
    const run = await fleetctl('status', 'all');
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.match(/^# all\.service on MACHINE$/gm)).toHaveLength(2);
    expect(run.stdout.match(/Active: active \(running\)/g)).toHaveLength(2);
  });

  it('journal prints the output, of several units with their names', async () => {
    expect(await fleetctl('journal', '--lines=1', 'said')).toEqual({ code: 0, stdout: 'said\n', stderr: '' });
    expect(await fleetctl('journal', '--lines', '1', 'said', 'all')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^said\.service {12}\| said\nall\.service \d{8}\.\.\. \| TIME fleet: starting: Everywhere\nall\.service \d{8}\.\.\. \| TIME fleet: starting: Everywhere\n$/) as unknown,
      stderr: '',
    });
  });

  it('journal refuses formats that plain files do not have', async () => {
    expect(await fleetctl('journal', '--output=json', 'said')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'machine ID has no journal but plain files, which --output=json cannot show; use --output=cat\n',
    });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('journal -f follows several units at once, each line with its unit, until %s', async (signal) => {
    using journal = new Following(['journal', '-f', '--lines=1', 'said', 'hello'], env());
    await waitUntil('lines of both units, one of them new', () => journal.out.includes('said.service  | said\n') && (journal.out.match(/^hello\.service \| Hello$/gm) ?? []).length >= 2);
    expect(await journal.end(signal)).toEqual({ code: signal === 'SIGINT' ? 130 : 143, stderr: '' });
    expect(journal.out.split('\n').filter((line) => line !== '' && !/^(said\.service |hello\.service) \| /.test(line))).toEqual([]);
  });

  it('a unit that fails says how its process ended, and its last lines', async () => {
    const run = await fleetctl('start', 'broken');
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('Error waiting for units: unit broken.service failed on MACHINE: result exit-code: main process exited with status 1\n');
    expect(run.stderr).toContain('  | TIME fleet: starting: broken.service\n');
    expect(run.stderr).toContain('  more: fleetctl journal broken.service\n');
  });

  it('journal of a unit that has not run yet says so, as journalctl does', async () => {
    expect(await fleetctl('journal', 'web@1')).toEqual({ code: 0, stdout: '-- No entries --\n', stderr: '' });
    expect(await fleetctl('journal', 'web@1', 'said')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^web@1\.service \| -- No entries --\nsaid\.service {2}\| /) as unknown, stderr: '' });
  });

  it('journal -f waits for the first run of a unit', async () => {
    expect(await fleetctl('load', 'web@2')).toMatchObject({ code: 0, stderr: '' });
    using journal = new Following(['journal', '--follow', 'web@2'], env());
    expect(await fleetctl('start', 'web@2')).toMatchObject({ code: 0, stderr: '' });
    await waitUntil('its first line', () => journal.out.includes('fleet: starting: web@2.service\n'), { deadlineMs: 15_000 });
    expect(await journal.end()).toEqual({ code: 130, stderr: '' });
  }, 30_000);

  it('restart of a global unit restarts it on every machine', async () => {
    const starts = async (): Promise<number> => ((await fleetctl('journal', '--lines=1000', 'all')).stdout.match(/fleet: starting: Everywhere$/gm) ?? []).length;
    const before = await starts();
    expect(await fleetctl('restart', 'all')).toEqual({ code: 0, stdout: 'Unit all.service loaded\nUnit all.service launched\n', stderr: '' });
    expect(await starts()).toBe(before + 2);
  });
});
