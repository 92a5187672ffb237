import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, silentLogger, type Logger } from '@fleet/runtime';
import { FakeClock, waitUntil } from '@fleet/runtime/testing';
import { GroupMovePrimer } from './group-move-primer.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleet-groups-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A process in the groups that `membership` names; `group` is the folder that exists below the mount of control groups. */
async function setUp(membership: string, group: string, logger: Logger = silentLogger) {
  const clock = new FakeClock();
  await mkdir(join(directory, group), { recursive: true });
  const file = join(directory, group, 'cgroup.procs');
  await writeFile(file, '');
  await writeFile(join(directory, 'membership'), membership);
  const primer = new GroupMovePrimer({ clock, logger, root: directory, membership: join(directory, 'membership') });
  /** Waits for a move, and for the pause after it. */
  const moved = async (): Promise<void> => {
    await waitUntil('the move', async () => clock.pending === 1 && (await readFile(file, 'utf8')) === '0\n');
    await writeFile(file, '');
  };
  return { clock, primer, file, moved };
}

const UNIFIED = '0::/system.slice/fleet.service\n';
const HYBRID = '9:name=systemd:/system.slice/fleet.service\n4:memory:/elsewhere\n0::/system.slice/fleet.service\n';

describe('GroupMovePrimer', () => {
  it.each([
    { what: 'one hierarchy', membership: UNIFIED, group: 'system.slice/fleet.service' },
    { what: 'one hierarchy beside the old ones', membership: HYBRID, group: 'unified/system.slice/fleet.service' },
    { what: 'the old ones alone', membership: '9:name=systemd:/system.slice/fleet.service\n4:memory:/elsewhere\n', group: 'systemd/system.slice/fleet.service' },
    { what: 'a process of no group', membership: '0::/\n', group: '' },
  ])('moves this process into the group that it is in: $what', async ({ membership, group }) => {
    const { primer, moved } = await setUp(membership, group);
    primer.prime();
    await moved();
    await primer.close();
  });

  it('moves once for what is primed together, and again later', async () => {
    const { primer, clock, file, moved } = await setUp(UNIFIED, 'system.slice/fleet.service');
    primer.prime();
    primer.prime();
    await moved();
    await clock.advance(5);
    expect([clock.pending, await readFile(file, 'utf8')]).toEqual([0, '']);
    primer.prime();
    await moved();
    await primer.close();
    expect(clock.pending).toBe(0);
  });

  it('goes on while a start is under way, for a tenth of a second', async () => {
    const { primer, clock, file, moved } = await setUp(UNIFIED, 'system.slice/fleet.service');
    let end = (_value: string): void => undefined;
    const start = primer.during(() => new Promise<string>((resolve) => (end = resolve)));
    for (let passed = 0; passed < 100; passed += 5) {
      await moved();
      await clock.advance(5);
    }
    expect([clock.pending, await readFile(file, 'utf8')]).toEqual([0, '']);
    end('taken');
    expect(await start).toBe('taken');
    await primer.close();
  });

  it('leaves it to systemd when many are started, and passes failures on', async () => {
    const { primer, clock, file } = await setUp(UNIFIED, 'system.slice/fleet.service');
    let fail = (_error: Error): void => undefined;
    const refused = new Promise<never>((_resolve, reject) => (fail = reject));
    const starts = Array.from({ length: 5 }, () => primer.during(() => refused));
    const outcomes = Promise.allSettled(starts);
    await waitUntil('the pause', () => clock.pending === 1);
    const first = await readFile(file, 'utf8');
    await writeFile(file, '');
    await clock.advance(5);
    await waitUntil('the next pause', () => clock.pending === 1);
    // The first of them could not know that there would be more.
    expect([first, await readFile(file, 'utf8')]).toEqual(['0\n', '']);
    fail(new Error('refused'));
    expect((await outcomes).every((outcome) => outcome.status === 'rejected')).toBe(true);
    await primer.close();
  });

  it('does without where it is not allowed, and says so once', async () => {
    const lines: string[] = [];
    const logger = createLogger({ level: () => 'debug', format: 'text', write: (line) => lines.push(line) });
    const { primer, clock } = await setUp('0::/group/of/another/mount\n', 'system.slice/fleet.service', logger);
    for (let attempt = 0; attempt < 2; attempt += 1) expect(await primer.during(() => Promise.resolve('taken'))).toBe('taken');
    await waitUntil('what is said', () => lines.length > 0);
    expect(await primer.during(() => Promise.resolve('taken'))).toBe('taken');
    await primer.close();
    expect([lines.length, clock.pending]).toEqual([1, 0]);
    expect(lines[0]).toContain(`no control group of this process below ${directory}`);
  });
});
