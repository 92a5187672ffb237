import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dim, green, red, say, seconds } from './console.mjs';
import { environment, run } from './run.mjs';

// Program -> Debian package. Used by the tests on real machines (see e2e/README.md) and by contract tests of the adapters.
const programs = {
  'systemd-nspawn': 'systemd-container',
  'dbus-daemon': 'dbus',
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  ip: 'iproute2',
  pkcheck: 'polkitd',
  openssl: 'openssl',
  // The completion of fleetctl is tried in them.
  zsh: 'zsh',
  fish: 'fish',
};
const services = { 'etcd-server': 'etcd.service', 'openssh-server': 'ssh.service' };
const policyFile = '/usr/sbin/policy-rc.d';

export function missingPackages(path = environment().PATH) {
  const folders = path.split(':').filter(Boolean);
  const missing = Object.entries(programs).filter(([program]) => !folders.some((folder) => existsSync(`${folder}/${program}`)));
  return [...new Set(missing.map(([, name]) => name))];
}

/** As root on Debian and its relatives: installs what the tests on real machines need. Elsewhere those tests are skipped by name. */
export async function installDebianPackages() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  const missing = missingPackages();
  if (missing.length === 0) return;
  say(`Installing Debian packages for the tests on real machines: ${missing.join(' ')} …`);
  const started = Date.now();
  const env = environment({ DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' });
  const failed = await withoutStartingServices(async () => {
    for (const args of [
      ['update', '--quiet'],
      ['install', '--yes', '--quiet', '--no-install-recommends', ...missing],
    ]) {
      const { code, output } = await run('apt-get', args, { env });
      if (code !== 0) return `apt-get ${args[0]} failed:\n${output.trim()}`;
    }
    return undefined;
  });
  if (failed !== undefined) {
    // Not fatal: the tests that need them say so by name, or fail when they are required.
    say(`${red('✗')} ${failed}`);
    return;
  }
  // A package enables its service for the next start of the computer; tests start their own.
  const enabled = missing.map((name) => services[name]).filter(Boolean);
  if (enabled.length > 0 && existsSync('/usr/bin/systemctl')) await run('systemctl', ['disable', ...enabled], { env });
  say(`${green('✓')} Debian packages installed ${dim(`in ${seconds(Date.now() - started)}; their services are neither started nor enabled`)}`);
}

/** Debian asks this file whether a package may start its service (see invoke-rc.d(8)): exit code 101 says no. */
async function withoutStartingServices(action) {
  const marker = '# left by the setup of fleet; may be removed\n';
  const isOurs = existsSync(policyFile) && readFileSync(policyFile, 'utf8').includes(marker);
  const mayWrite = isOurs || !existsSync(policyFile);
  if (mayWrite) writeFileSync(policyFile, `#!/bin/sh\n${marker}exit 101\n`, { mode: 0o755 });
  try {
    return await action();
  } finally {
    if (mayWrite) rmSync(policyFile, { force: true });
  }
}
