import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { Following } from './following.ts';
import { runBundle, UNITS } from './run-bundle.ts';
import { useCluster } from './use-cluster.ts';

type Row = Readonly<Record<string, unknown>>;

/** All documents so far, each of which has to be a line. */
function documents({ out }: Following): readonly (readonly Row[])[] {
  return out.slice(0, out.lastIndexOf('\n') + 1).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as readonly Row[]);
}

describe('--watch into a pipe', () => {
  const { cluster, env } = useCluster({ machines: 1 });
  const fleetctl = async (...argv: readonly string[]): Promise<void> => {
    expect(await runBundle(argv, { cwd: UNITS, env: env() })).toMatchObject({ code: 0, stderr: '' });
  };

  it('list-units and list-unit-files --json print a document a line, whenever something changes', async () => {
    using units = new Following(['list-units', '--watch', '--json', 'hello'], env());
    using files = new Following(['list-unit-files', '--watch', '--json', 'hello'], env());
    await waitUntil('the first pictures', () => documents(units).length > 0 && documents(files).length > 0, { deadlineMs: 15_000 });
    expect([documents(units), documents(files)]).toEqual([[[]], [[]]]);
    await fleetctl('start', 'hello', 'said');
    await waitUntil('the unit to run', () => documents(units).at(-1)?.[0]?.['active'] === 'active' && documents(files).at(-1)?.[0]?.['currentState'] === 'launched', { deadlineMs: 15_000 });
    expect(documents(units).at(-1)).toEqual([expect.objectContaining({ name: 'hello.service', active: 'active', sub: 'running', primaryIP: '127.0.0.1' })]);
    expect(documents(files).at(-1)).toEqual([expect.objectContaining({ name: 'hello.service', desiredState: 'launched', primaryIP: '127.0.0.1' })]);
    await fleetctl('destroy', 'hello', 'said');
    await waitUntil('the unit to be gone', () => documents(units).at(-1)?.length === 0 && documents(files).at(-1)?.length === 0, { deadlineMs: 15_000 });
    // What changes nothing that is shown is not printed again.
    for (const printed of [documents(units), documents(files)]) for (const [index, document] of printed.slice(1).entries()) expect(document).not.toEqual(printed[index]);
    expect([await units.end(), await files.end()]).toEqual([{ code: 0, stderr: '' }, { code: 0, stderr: '' }]);
  }, 60_000);

  it('a table follows the one before after an empty line', async () => {
    using machines = new Following(['list-machines', '--watch', '--fields=ip,metadata'], env());
    await waitUntil('the machine', () => machines.out.includes('hostname=m1'), { deadlineMs: 15_000 });
    await cluster().addMachine();
    await waitUntil('the other machine', () => machines.out.includes('hostname=m2\n'), { deadlineMs: 15_000 });
    expect(machines.out).toBe('IP\t\tMETADATA\n127.0.0.1\thostname=m1\n\nIP\t\tMETADATA\n127.0.0.1\thostname=m1\n127.0.0.2\thostname=m2\n');
    expect(await machines.end()).toEqual({ code: 0, stderr: '' });
  }, 60_000);
});
