import { describe, expect, it } from '@jest/globals';
import { controlGroupRoots } from './control-groups.ts';
import { isOwnerAlive, processStamp } from './ownership.ts';

describe('control groups of the machines', () => {
  it.each([
    ['unified only', 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n', ['/sys/fs/cgroup']],
    [
      'hybrid: the unified one and the one named systemd, not the controllers',
      'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n',
      ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'],
    ],
    ['none mounted', 'proc /proc proc rw 0 0\n', []],
  ])('%s', (_name, mounts, expected) => {
    expect(controlGroupRoots(mounts)).toEqual(expected);
  });
});

const onLinux = process.platform === 'linux' ? describe : describe.skip;
onLinux('owner of what outlives a process [skipped elsewhere than on Linux]', () => {
  it.each([
    ['this process', `fleet-world-${processStamp()}-abc`, true],
    ['this process id, started at another time', `fleet-world-${process.pid}-1-abc`, false],
    ['a process that cannot be', 'fleet-world-4194999-12-abc', false],
    ['a name that is not of this form is left alone', 'fleet-world-mine', true],
  ])('%s', (_name, name, expected) => {
    expect(isOwnerAlive(name, 'fleet-world-')).toBe(expected);
  });
});
