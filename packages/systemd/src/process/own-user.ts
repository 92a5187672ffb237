import { userInfo, type UserInfo } from 'node:os';

export interface OwnUser {
  readonly uid: number;
  readonly gid: number;
  readonly username: string;
  readonly home: string;
  readonly shell: string;
}

/** The user that this process runs as. One that the system does not know, as in many containers, goes by its number. */
export function ownUser(read: () => Pick<UserInfo<string>, 'uid' | 'gid' | 'username' | 'homedir' | 'shell'> = userInfo): OwnUser {
  const home = process.env['HOME'];
  try {
    const { uid, gid, username, homedir, shell } = read();
    return { uid, gid, username, home: home ?? homedir, shell: shell ?? '/bin/sh' };
  } catch {
    const uid = process.getuid?.() ?? 0;
    return { uid, gid: process.getgid?.() ?? 0, username: String(uid), home: home ?? '/', shell: '/bin/sh' };
  }
}
