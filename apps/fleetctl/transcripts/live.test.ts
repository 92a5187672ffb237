import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { createInProcessCluster, type InProcessCluster } from '@fleet/testkit';
import { BUNDLE, runBundle } from './run-bundle.ts';

type Row = Readonly<Record<string, unknown>>;

/** A command that goes on until it is told to end, with what it has printed into its pipes. */
class Following {
  out = '';
  err = '';
  readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [BUNDLE, ...argv], { env: { ...process.env, NODE_OPTIONS: '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.ended = new Promise((resolve) => child.once('close', resolve));
    this.child = child;
  }

  /** All documents so far, each of which has to be a line. */
  get documents(): readonly (readonly Row[])[] {
    return this.out.slice(0, this.out.lastIndexOf('\n') + 1).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as readonly Row[]);
  }

  /** Ends it, should it still run. */
  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }

  async end(): Promise<{ readonly code: number | null; readonly stderr: string }> {
    this.child.kill('SIGINT');
    return { code: await this.ended, stderr: this.err };
  }
}

describe('--watch into a pipe', () => {
  let cluster: InProcessCluster;
  let env: Record<string, string>;
  const fleetctl = async (...argv: readonly string[]): Promise<void> => {
    expect(await runBundle(argv, { cwd: join(import.meta.dirname, 'units'), env })).toMatchObject({ code: 0, stderr: '' });
  };

  beforeAll(async () => {
    cluster = await createInProcessCluster({ machines: 1, agentTtlMs: 10_000, version: '1.0.0' });
    env = { FLEETCTL_ENDPOINT: `unix://${cluster.machines[0]?.socketPath ?? ''}` };
  }, 30_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it('list-units and list-unit-files --json print a document a line, whenever something changes', async () => {
    using units = new Following(['list-units', '--watch', '--json', 'hello'], env);
    using files = new Following(['list-unit-files', '--watch', '--json', 'hello'], env);
    await waitUntil('the first pictures', () => units.documents.length > 0 && files.documents.length > 0, { deadlineMs: 15_000 });
    expect([units.documents, files.documents]).toEqual([[[]], [[]]]);
    await fleetctl('start', 'hello', 'said');
    await waitUntil('the unit to run', () => units.documents.at(-1)?.[0]?.['active'] === 'active' && files.documents.at(-1)?.[0]?.['currentState'] === 'launched', { deadlineMs: 15_000 });
    expect(units.documents.at(-1)).toEqual([expect.objectContaining({ name: 'hello.service', active: 'active', sub: 'running', primaryIP: '127.0.0.1' })]);
    expect(files.documents.at(-1)).toEqual([expect.objectContaining({ name: 'hello.service', desiredState: 'launched', primaryIP: '127.0.0.1' })]);
    await fleetctl('destroy', 'hello', 'said');
    await waitUntil('the unit to be gone', () => units.documents.at(-1)?.length === 0 && files.documents.at(-1)?.length === 0, { deadlineMs: 15_000 });
    // What changes nothing that is shown is not printed again.
    for (const { documents } of [units, files]) for (const [index, document] of documents.slice(1).entries()) expect(document).not.toEqual(documents[index]);
    expect([await units.end(), await files.end()]).toEqual([{ code: 0, stderr: '' }, { code: 0, stderr: '' }]);
  }, 60_000);

  it('a table follows the one before after an empty line', async () => {
    using machines = new Following(['list-machines', '--watch', '--fields=ip,metadata'], env);
    await waitUntil('the machine', () => machines.out.includes('hostname=m1'), { deadlineMs: 15_000 });
    await cluster.addMachine();
    await waitUntil('the other machine', () => machines.out.includes('hostname=m2\n'), { deadlineMs: 15_000 });
    expect(machines.out).toBe('IP\t\tMETADATA\n127.0.0.1\thostname=m1\n\nIP\t\tMETADATA\n127.0.0.1\thostname=m1\n127.0.0.2\thostname=m2\n');
    expect(await machines.end()).toEqual({ code: 0, stderr: '' });
  }, 60_000);
});
