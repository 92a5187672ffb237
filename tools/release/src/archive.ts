// `npm run archive`: all that a machine needs to join a fleet, to be unpacked below /usr/local. Everything in it has been built.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** `fleet-0.1.0-linux-x64`: the only folder in the archive, and the name of it. */
export function archiveName(): string {
  const { version } = JSON.parse(readFileSync(join(repository, 'apps/fleetd/package.json'), 'utf8')) as { readonly version: string };
  return `fleet-${version}-${process.platform}-${process.arch}`;
}

/** Where things are in the repository, and where they go. Folders are copied whole. */
export const CONTENTS: readonly (readonly [from: string, to: string])[] = [
  ['apps/fleetd/executable/fleetd', 'bin/fleetd'],
  ['apps/fleetctl/executable/fleetctl', 'bin/fleetctl'],
  ['apps/fleetd/packaging/fleet.service', 'lib/systemd/system/fleet.service'],
  ['apps/fleetd/packaging/fleet.socket', 'lib/systemd/system/fleet.socket'],
  ['apps/fleetd/packaging/fleet.sysusers.conf', 'lib/sysusers.d/fleet.conf'],
  ['apps/fleetd/packaging/50-fleet.rules', 'share/polkit-1/rules.d/50-fleet.rules'],
  ['apps/fleetd/packaging/fleet.conf', 'share/fleet/fleet.conf'],
  ['examples', 'share/fleet/examples'],
  ['docs', 'share/doc/fleet'],
  ['LICENSE', 'share/doc/fleet/LICENSE'],
  ['apps/fleetd/dist/licenses', 'share/doc/fleet/licenses'],
  ['apps/fleetctl/dist/licenses', 'share/doc/fleet/licenses'],
];

const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: 'share/bash-completion/completions/fleetctl',
  zsh: 'share/zsh/site-functions/_fleetctl',
  fish: 'share/fish/vendor_completions.d/fleetctl.fish',
};

/** Makes `dist/<name>.tar.gz` in the repository, in place of what was there, and returns its path. */
function createArchive(): string {
  const name = archiveName();
  const output = join(repository, 'dist');
  const stage = join(output, name);
  rmSync(output, { recursive: true, force: true });
  const place = (to: string): string => {
    const path = join(stage, to);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  for (const [from, to] of CONTENTS) cpSync(join(repository, from), place(to), { recursive: true });
  for (const [shell, to] of Object.entries(COMPLETIONS)) writeFileSync(place(to), execFileSync(join(stage, 'bin/fleetctl'), ['completion', shell]));
  const archive = `${stage}.tar.gz`;
  // Two programs of 120 MB: a quicker compression loses little.
  execFileSync('tar', ['--create', '--use-compress-program=gzip -3', `--file=${archive}`, `--directory=${output}`, '--owner=root:0', '--group=root:0', '--sort=name', name], { stdio: 'inherit' });
  rmSync(stage, { recursive: true });
  return archive;
}

if (import.meta.main) process.stdout.write(`${createArchive()}\n`);
