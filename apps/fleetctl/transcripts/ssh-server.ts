import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@fleet/runtime/testing';

const SSHD = '/usr/sbin/sshd';

/** Whether tests may use it; where real things are required, they fail rather than be skipped. */
export const hasSshd = process.env['FLEET_TEST_REQUIRE_REAL'] === '1' || (existsSync(SSHD) && existsSync('/usr/bin/ssh-agent'));

/** A real sshd on a free port of all loopback addresses, with an agent that holds the one key it takes. */
export interface SshServer extends Disposable {
  readonly port: number;
  readonly username: string;
  readonly folder: string;
  /** Environment for the client. */
  readonly env: Readonly<Record<string, string>>;
  /** Programs put here are found first by commands that run over SSH. */
  readonly programs: string;
  /** Gives it another host key, as a machine that was set up anew has. */
  changeHostKey(): Promise<void>;
}

export async function startSshServer(): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-ssh-'));
  const port = await freePort();
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  const key = (name: string): string => {
    rmSync(join(folder, name), { force: true });
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, name)]);
    return join(folder, name);
  };
  const userKey = key('user');
  writeFileSync(join(folder, 'authorized'), readFileSync(`${userKey}.pub`));
  const agentSocket = join(folder, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', agentSocket], { stdio: 'ignore' });
  await waitUntil('the SSH agent', () => existsSync(agentSocket));
  const env = { SSH_AUTH_SOCK: agentSocket };
  execFileSync('ssh-add', ['-q', userKey], { env: { ...process.env, ...env }, stdio: 'ignore' });

  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    server?.kill();
    const hostKey = key('host');
    writeFileSync(
      join(folder, 'config'),
      [`Port ${port}`, 'ListenAddress 127.0.0.1', 'ListenAddress 127.0.0.2', 'ListenAddress 127.0.0.3', `HostKey ${hostKey}`, `AuthorizedKeysFile ${join(folder, 'authorized')}`, 'StrictModes no', 'UsePAM no', 'PermitRootLogin yes', 'PasswordAuthentication no', 'PidFile none', `SetEnv PATH=${programs}:${process.env['PATH'] ?? ''}`, ''].join('\n'),
    );
    // Its privilege separation wants this folder; a packaged service makes it.
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    server = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'config')], { stdio: 'ignore' });
    await waitUntil('sshd', () => answers(port));
  };
  await start();
  return {
    port,
    username: userInfo().username,
    folder,
    env,
    programs,
    changeHostKey: start,
    [Symbol.dispose]: () => {
      server?.kill();
      agent.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
