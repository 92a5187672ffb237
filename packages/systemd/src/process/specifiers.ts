import { arch, homedir, hostname, release, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

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
  const stem = name.slice(0, name.lastIndexOf('.'));
  const at = stem.indexOf('@');
  const prefix = at < 0 ? stem : stem.slice(0, at);
  const instance = at < 0 ? '' : stem.slice(at + 1);
  const last = prefix.slice(prefix.lastIndexOf('-') + 1);
  switch (letter) {
    case 'n':
      return name;
    case 'N':
      return stem;
    case 'p':
      return prefix;
    case 'P':
      return unescapeName(prefix);
    case 'i':
      return instance;
    case 'I':
      return unescapeName(instance);
    case 'j':
      return last;
    case 'J':
      return unescapeName(last);
    case 'f':
      return `/${unescapeName(at < 0 ? prefix : instance).replace(/^\//, '')}`;
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
      return userInfo().username;
    case 'U':
      return String(userInfo().uid);
    case 'G':
      return String(userInfo().gid);
    case 'h':
      return homedir();
    case 's':
      return userInfo().shell ?? '/bin/sh';
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

/** systemd's `unit_name_unescape`: `-` is `/`, `\xXX` a byte. */
export function unescapeName(name: string): string {
  const bytes: number[] = [];
  const source = Buffer.from(name);
  for (let at = 0; at < source.length; at += 1) {
    const byte = source[at] ?? 0;
    const hex = /^\\x([0-9a-f]{2})/i.exec(source.subarray(at, at + 4).toString('latin1'))?.[1];
    if (byte === 0x2d) bytes.push(0x2f);
    else if (hex !== undefined) {
      bytes.push(parseInt(hex, 16));
      at += 3;
    } else bytes.push(byte);
  }
  return Buffer.from(bytes).toString();
}

export function localHostname(): string {
  return hostname();
}
