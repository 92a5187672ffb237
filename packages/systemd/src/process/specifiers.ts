import { arch, hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseUnitName, unescapeUnitName } from '@fleet/unit-parser';

import { ownUser } from './own-user.ts';

/** What specifiers of a unit are filled in from. */
export interface SpecifierContext {
  readonly name: string;
  readonly unitsDirectory: string;
  readonly stateDirectory: string;
  readonly machineId: string | undefined;
  readonly hostname: string;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86-64', ia32: 'x86', arm: 'arm', arm64: 'arm64', ppc64: 'ppc64-le', s390x: 's390x', riscv64: 'riscv64' };

/**
 * Fills in `%n`, `%i` and the like. Source: systemd.unit(5) "Specifiers"; directories are those of a user's systemd
 * below the state directory, because nothing else is ours to write.
 *
 * @throws Error naming the specifier that is unknown here.
 */
export function expandSpecifiers(text: string, context: SpecifierContext): string {
  if (!text.includes('%')) return text;
  return text.replaceAll(/%(.?)/gsu, (_all, letter: string) => {
    if (letter === '%') return '%';
    const value = valueOf(letter, context);
    if (value === undefined) throw new Error(letter === 'm' ? 'specifier %m needs a machine id and this machine has none' : `specifier %${letter} is not known here`);
    return value;
  });
}

function valueOf(letter: string, { name, unitsDirectory, stateDirectory, machineId, hostname: host }: SpecifierContext): string | undefined {
  const { name: stem, prefix, instance } = parseUnitName(name) ?? { name, prefix: name, instance: '' };
  const last = prefix.slice(prefix.lastIndexOf('-') + 1);
  switch (letter) {
    case 'n':
      return name;
    case 'N':
      return stem;
    case 'p':
      return prefix;
    case 'P':
      return unescapeUnitName(prefix) ?? undefined;
    case 'i':
      return instance;
    case 'I':
      return unescapeUnitName(instance) ?? undefined;
    case 'j':
      return last;
    case 'J':
      return unescapeUnitName(last) ?? undefined;
    case 'f':
      return `/${(unescapeUnitName(instance === '' ? prefix : instance) ?? '').replace(/^\//, '')}`;
    case 'H':
      return host;
    case 'l':
      return host.split('.')[0];
    case 'm':
      return machineId;
    case 'a':
      return ARCHITECTURES[arch()];
    case 'v':
      return release();
    case 'u':
      return ownUser().username;
    case 'U':
      return String(ownUser().uid);
    case 'G':
      return String(ownUser().gid);
    case 'h':
      return ownUser().home;
    case 's':
      return ownUser().shell;
    case 'T':
    case 'V':
      return tmpdir();
    case 't':
      return join(stateDirectory, 'runtime');
    case 'S':
      return join(stateDirectory, 'state');
    case 'C':
      return join(stateDirectory, 'cache');
    case 'L':
      return join(stateDirectory, 'log');
    case 'y':
      return join(unitsDirectory, name);
    case 'Y':
      return unitsDirectory;
    default:
      return undefined;
  }
}

export function localHostname(): string {
  return hostname();
}
