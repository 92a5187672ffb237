import { join } from 'node:path';

import { FleetError } from '@fleet/runtime';

/** Which systemd to talk to, and how. */
export interface BusTarget {
  /** Path of a socket; an abstract one starts with a zero byte. */
  readonly socketPath: string;
  /** Straight to systemd, with no bus daemon in between. */
  readonly peer: boolean;
}

const SYSTEM_BUS = 'unix:path=/run/dbus/system_bus_socket';

/**
 * Finds the socket of a bus: `system`, `user` (the session bus of this user), `private` (systemd's own socket, for root),
 * or a D-Bus address such as `unix:path=/run/dbus/system_bus_socket`.
 *
 * @throws FleetError BUS_ADDRESS (kind invalid) for an address that is none, or one over another transport than unix sockets.
 */
export function busTarget(bus: string, environment: Readonly<Record<string, string | undefined>> = process.env): BusTarget {
  switch (bus) {
    case 'system':
      return { socketPath: socketOf(environment['DBUS_SYSTEM_BUS_ADDRESS'] ?? SYSTEM_BUS), peer: false };
    case 'user': {
      const runtime = environment['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`;
      const address = environment['DBUS_SESSION_BUS_ADDRESS'];
      return { socketPath: address === undefined ? join(runtime, 'bus') : socketOf(address), peer: false };
    }
    case 'private':
      return { socketPath: '/run/systemd/private', peer: true };
    default:
      return { socketPath: socketOf(bus), peer: false };
  }
}

function socketOf(addresses: string): string {
  for (const address of addresses.split(';')) {
    const colon = address.indexOf(':');
    if (address.slice(0, colon) !== 'unix') continue;
    for (const pair of address.slice(colon + 1).split(',')) {
      const [key, value = ''] = pair.split('=', 2);
      if (value !== '' && (key === 'path' || key === 'socket')) return decodeValue(value);
      if (value !== '' && key === 'abstract') return `\0${decodeValue(value)}`;
    }
  }
  throw new FleetError(`${JSON.stringify(addresses)} is not the address of a bus on a unix socket`, {
    code: 'BUS_ADDRESS',
    kind: 'invalid',
    remedy: 'use system, user, private or an address such as unix:path=/run/dbus/system_bus_socket',
  });
}

function decodeValue(value: string): string {
  return value.replaceAll(/%([0-9a-fA-F]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
