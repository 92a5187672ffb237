import { join } from 'node:path';

import { FleetError } from '@fleet/runtime';

const SYSTEM_BUS = 'unix:path=/run/dbus/system_bus_socket';

/**
 * The path of the socket of a bus; an abstract one starts with a zero byte. `bus` is `system`, `user` (the session bus of
 * this user), or a D-Bus address such as `unix:path=/run/dbus/system_bus_socket`.
 *
 * @throws FleetError BUS_ADDRESS (kind invalid) for an address that is none, or one over another transport than unix sockets.
 */
export function busSocketPath(bus: string, environment: Readonly<Record<string, string | undefined>> = process.env): string {
  if (bus === 'system') return socketOf(environment['DBUS_SYSTEM_BUS_ADDRESS'] ?? SYSTEM_BUS);
  if (bus !== 'user') return socketOf(bus);
  const address = environment['DBUS_SESSION_BUS_ADDRESS'];
  return address === undefined ? join(environment['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`, 'bus') : socketOf(address);
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
    remedy: 'use system, user or an address such as unix:path=/run/dbus/system_bus_socket',
  });
}

function decodeValue(value: string): string {
  return value.replaceAll(/%([0-9a-fA-F]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
