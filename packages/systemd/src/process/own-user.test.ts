import { describe, expect, it } from '@jest/globals';
import { ownUser } from './own-user.ts';

const known = { uid: 7, gid: 8, username: 'someone', homedir: '/home/someone' };
const unknown = (): never => {
  throw new Error('uv_os_get_passwd returned ENOENT');
};

describe('ownUser', () => {
  it.each([
    { what: 'one that the system knows', read: () => ({ ...known, shell: '/bin/zsh' }), expected: { uid: 7, gid: 8, username: 'someone', shell: '/bin/zsh' } },
    { what: 'one without a shell', read: () => ({ ...known, shell: null }), expected: { username: 'someone', shell: '/bin/sh' } },
    { what: 'one that the system does not know', read: unknown, expected: { uid: process.getuid?.(), gid: process.getgid?.(), username: String(process.getuid?.()), shell: '/bin/sh' } },
  ])('is $what', ({ read, expected }) => {
    expect(ownUser(read)).toMatchObject(expected);
  });
});
