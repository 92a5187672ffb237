import { describe, expect, it } from '@jest/globals';
import type { NetworkInterfaceInfo } from 'node:os';
import { checkMachineId, detectAddress, isGlobalUnicast4, readBootId, readMachineId, type MachineFacts } from './local-machine.ts';

const ROUTES = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n';
const DEFAULT4 = (name: string): string => `${name}\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`;
const LOCAL4 = (name: string): string => `${name}\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`;
const DEFAULT6 = (name: string): string => `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00000400 00000001 00000000 00000003 ${name}\n`;

function facts(files: Record<string, string>, interfaces: Record<string, readonly (readonly [string, string])[]> = {}): MachineFacts {
  return {
    readText: (path) => (files[path] === undefined ? Promise.reject(new Error(`no file ${path}`)) : Promise.resolve(files[path])),
    interfaces: () =>
      Object.fromEntries(Object.entries(interfaces).map(([name, addresses]) => [name, addresses.map(([family, address]) => ({ family, address }) as unknown as NetworkInterfaceInfo)])),
  };
}

describe('detectAddress', () => {
  it.each([
    { title: 'the interface of the default route', routes: LOCAL4('eth1') + DEFAULT4('eth0'), routes6: '', interfaces: { eth1: [['IPv4', '10.0.1.1']], eth0: [['IPv6', 'fe80::1'], ['IPv4', '10.0.0.1']] }, expected: '10.0.0.1' },
    { title: 'an interface that exists', routes: DEFAULT4('gone') + DEFAULT4('eth0'), routes6: '', interfaces: { eth0: [['IPv4', '10.0.0.1']] }, expected: '10.0.0.1' },
    { title: 'a global unicast address', routes: DEFAULT4('eth0'), routes6: '', interfaces: { eth0: [['IPv4', '169.254.1.1'], ['IPv4', '10.0.0.1']] }, expected: '10.0.0.1' },
    { title: 'the interface of an IPv6 default route, but its IPv4 address', routes: '', routes6: DEFAULT6('lo') + DEFAULT6('eth0'), interfaces: { lo: [['IPv4', '127.0.0.1']], eth0: [['IPv6', '2001:db8::1'], ['IPv4', '10.0.0.1']] }, expected: '10.0.0.1' },
    { title: 'nothing without an IPv4 address there', routes: DEFAULT4('eth0'), routes6: '', interfaces: { eth0: [['IPv6', '2001:db8::1']], eth1: [['IPv4', '10.0.0.1']] }, expected: '' },
    { title: 'nothing without a default route', routes: LOCAL4('eth0'), routes6: '', interfaces: { eth0: [['IPv4', '10.0.0.1']] }, expected: '' },
  ])('finds $title', async ({ routes, routes6, interfaces, expected }) => {
    expect(await detectAddress(facts({ '/proc/net/route': ROUTES + routes, '/proc/net/ipv6_route': routes6 }, interfaces as unknown as Record<string, [string, string][]>))).toBe(expected);
  });

  it('finds nothing where the kernel shows no routes', async () => {
    expect(await detectAddress(facts({}))).toBe('');
  });

  it.each([
    ['10.0.0.1', true],
    ['8.8.8.8', true],
    ['127.0.0.1', false],
    ['169.254.0.1', false],
    ['224.0.0.1', false],
    ['0.0.0.0', false],
    ['255.255.255.255', false],
    ['10.0.0', false],
    ['10.0.0.256', false],
  ])('%s is global unicast: %s', (address, expected) => {
    expect(isGlobalUnicast4(address)).toBe(expected);
  });
});

describe('the machine id', () => {
  it('is the trimmed content of its file', async () => {
    expect(await readMachineId('/etc/machine-id', facts({ '/etc/machine-id': '0123456789abcdef0123456789abcdef\n' }))).toBe('0123456789abcdef0123456789abcdef');
  });

  it.each([
    { title: 'missing', files: {}, message: 'cannot read the machine id from /etc/machine-id' },
    { title: 'empty', files: { '/etc/machine-id': '\n' }, message: 'the machine id in /etc/machine-id is empty' },
    { title: 'not an id', files: { '/etc/machine-id': 'a/b\n' }, message: '"a/b" in /etc/machine-id is no machine id' },
  ])('$title: an error that names file and remedy', async ({ files, message }) => {
    await expect(readMachineId('/etc/machine-id', facts(files as Record<string, string>))).rejects.toMatchObject({ code: 'MACHINE_ID_UNREADABLE', message, remedy: expect.stringContaining('machine') });
  });

  it('may have what can stand in a key', () => {
    expect(checkMachineId('demo-1.test_x:y', 'machine_id')).toBe('demo-1.test_x:y');
    expect(() => checkMachineId('x'.repeat(65), 'machine_id')).toThrow('no machine id');
  });
});

describe('the boot id', () => {
  it('comes from the kernel, or is always the same', async () => {
    expect(await readBootId(facts({ '/proc/sys/kernel/random/boot_id': 'abc\n' }))).toBe('abc');
    expect(await readBootId(facts({}))).toBe('unknown');
  });
});
