import { readFile } from 'node:fs/promises';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import type { MachineId } from '@fleet/model';
import { FleetError } from '@fleet/runtime';

/** Where facts about this machine come from; tests give their own. */
export interface MachineFacts {
  readonly readText: (path: string) => Promise<string>;
  readonly interfaces: () => Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
}

export const systemFacts: MachineFacts = {
  readText: (path) => readFile(path, 'utf8'),
  interfaces: () => networkInterfaces(),
};

/**
 * The id of this machine: the trimmed content of `path` (as fleet `machine/coreos.go` readLocalMachineID).
 *
 * @throws FleetError `MACHINE_ID_UNREADABLE` (kind invalid) when it cannot be read, is empty or cannot be a key.
 */
export async function readMachineId(path = '/etc/machine-id', facts: MachineFacts = systemFacts): Promise<MachineId> {
  let text: string;
  try {
    text = (await facts.readText(path)).trim();
  } catch (cause) {
    throw new FleetError(`cannot read the machine id from ${path}`, {
      code: 'MACHINE_ID_UNREADABLE',
      kind: 'invalid',
      cause,
      remedy: 'run systemd-machine-id-setup, or set machine_id or machine_id_file in fleet.conf',
    });
  }
  return checkMachineId(text, path);
}

/** @throws FleetError `MACHINE_ID_UNREADABLE` (kind invalid) when `text` is empty, too long or has characters that cannot be in a key. */
export function checkMachineId(text: string, source: string): MachineId {
  if (!/^[\w.:-]{1,64}$/.test(text)) {
    throw new FleetError(text === '' ? `the machine id in ${source} is empty` : `${JSON.stringify(text)} in ${source} is no machine id`, {
      code: 'MACHINE_ID_UNREADABLE',
      kind: 'invalid',
      remedy: 'a machine id has 1 to 64 letters, digits or any of . _ : -; run systemd-machine-id-setup to make one',
    });
  }
  return text as MachineId;
}

/** Changes with each boot; where the kernel does not tell, a constant, so that a restart never looks like a reboot. */
export async function readBootId(facts: MachineFacts = systemFacts): Promise<string> {
  try {
    return (await facts.readText('/proc/sys/kernel/random/boot_id')).trim();
  } catch {
    return 'unknown';
  }
}

/**
 * The address to publish: the first global unicast IPv4 address of the first interface with a default route, IPv4
 * routes first (as fleet `machine/coreos.go` getLocalIP). Empty when there is none.
 */
export async function detectAddress(facts: MachineFacts = systemFacts): Promise<string> {
  const interfaces = facts.interfaces();
  const candidates = [...(await defaultRoutes4(facts)), ...(await defaultRoutes6(facts))];
  for (const name of candidates) {
    const addresses = interfaces[name];
    if (addresses === undefined) continue;
    const found = addresses.find((address) => address.family === 'IPv4' && isGlobalUnicast4(address.address));
    return found?.address ?? '';
  }
  return '';
}

/** Not loopback, link-local, multicast, broadcast or unspecified (as Go's `IP.IsGlobalUnicast` for four bytes). */
export function isGlobalUnicast4(address: string): boolean {
  const bytes = address.split('.').map(Number);
  if (bytes.length !== 4 || bytes.some((byte) => !Number.isInteger(byte) || byte < 0 || byte > 255)) return false;
  const [first = 0, second = 0] = bytes;
  if (first === 127 || (first >= 224 && first <= 239)) return false;
  if (first === 169 && second === 254) return false;
  return address !== '0.0.0.0' && address !== '255.255.255.255';
}

async function defaultRoutes4(facts: MachineFacts): Promise<readonly string[]> {
  const lines = await readLines(facts, '/proc/net/route');
  return lines.slice(1).flatMap((line) => {
    const [name, destination, , flags = '0', , , , mask] = line.trim().split(/\s+/);
    const up = (Number.parseInt(flags, 16) & 1) === 1;
    return name !== undefined && destination === '00000000' && mask === '00000000' && up ? [name] : [];
  });
}

async function defaultRoutes6(facts: MachineFacts): Promise<readonly string[]> {
  const lines = await readLines(facts, '/proc/net/ipv6_route');
  return lines.flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const name = fields[9];
    return name !== undefined && name !== 'lo' && fields[1] === '00' && /^0+$/.test(fields[0] ?? 'x') ? [name] : [];
  });
}

async function readLines(facts: MachineFacts, path: string): Promise<readonly string[]> {
  try {
    return (await facts.readText(path)).split('\n').filter((line) => line.trim() !== '');
  } catch {
    return [];
  }
}
