import { describe, expect, it } from '@jest/globals';

import { busSocketPath } from './bus-address.ts';
import { objectPathOf, unitNameOf } from './object-path.ts';

describe('addresses of a bus', () => {
  it.each([
    { bus: 'system', environment: {}, path: '/run/dbus/system_bus_socket' },
    { bus: 'system', environment: { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/elsewhere' }, path: '/elsewhere' },
    { bus: 'user', environment: { XDG_RUNTIME_DIR: '/run/user/7' }, path: '/run/user/7/bus' },
    { bus: 'user', environment: { DBUS_SESSION_BUS_ADDRESS: 'unix:abstract=/tmp/dbus-x,guid=0', XDG_RUNTIME_DIR: '/x' }, path: '\0/tmp/dbus-x' },
    { bus: 'unix:path=/a%20b,guid=1', environment: {}, path: '/a b' },
    { bus: 'tcp:host=localhost,port=1;unix:path=/second', environment: {}, path: '/second' },
  ])('$bus in $environment is $path', ({ bus, environment, path }) => {
    expect(busSocketPath(bus, environment)).toBe(path);
  });

  it.each(['', 'sytem', 'tcp:host=localhost,port=1', 'unix:', 'unix:path='])('refuses %j', (bus) => {
    expect(() => busSocketPath(bus, {})).toThrow(expect.objectContaining({ code: 'BUS_ADDRESS', kind: 'invalid' }));
  });
});

describe('object paths of units', () => {
  it.each([
    { name: 'a.service', path: '/org/freedesktop/systemd1/unit/a_2eservice' },
    { name: '1a@b-c.service', path: '/org/freedesktop/systemd1/unit/_31a_40b_2dc_2eservice' },
    { name: 'dev-disk-by\\x2duuid.device', path: '/org/freedesktop/systemd1/unit/dev_2ddisk_2dby_5cx2duuid_2edevice' },
  ])('$name is $path, and back', ({ name, path }) => {
    expect(objectPathOf(name)).toBe(path);
    expect(unitNameOf(path)).toBe(name);
  });

  it('are nothing else', () => {
    expect(unitNameOf('/org/freedesktop/systemd1/job/1')).toBeUndefined();
  });
});
