// docs/deployment.md, word for word: its commands, in its order, where it says, on three real machines.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { builtArchive, repository } from '../../src/built.ts';
import { readShellBlocks, type ShellBlock } from '../../src/documents/shell-blocks.ts';
import type { CommandResult } from '../../src/machines/command.ts';
import { createRealMachine, type RealMachine } from '../../src/machines/machine.ts';
import { describeRealMachines } from '../../src/machines/real-test.ts';
import { startSshServers } from '../../src/machines/sshd.ts';
import { createWorld, networkPrefix, type World } from '../../src/machines/world.ts';
import { requestOverSocket } from '../../src/request-over-socket.ts';
import { expectSoon } from '../../src/scenario.ts';

const blocks = readShellBlocks(readFileSync(join(repository, 'docs/deployment.md'), 'utf8'));

describeRealMachines('docs/deployment.md (real machines)', () => {
  let world: World;
  let computer: Computer;
  const machines: RealMachine[] = [];
  const logs = mkdtempSync(join(tmpdir(), 'fleet-deployment-'));

  beforeAll(async () => {
    // What "Before" asks for: the archive is made, the machines have names, addresses and SSH.
    builtArchive();
    world = await createWorld();
    for (const n of [1, 2, 3]) {
      const machine = await createRealMachine(world, { name: `m${n}`, id: `${String(n).repeat(8)}${'d'.repeat(24)}`, address: `${networkPrefix}.1.${n}`, share: [], log: join(logs, `m${n}.log`) });
      machines.push(machine);
    }
    await Promise.all(machines.map((machine) => machine.boot()));
    await startSshServers(machines);
    computer = createComputer(world, machines[0]!.readFile('/root/.ssh/id_ed25519'));
  }, 120_000);
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    rmSync(logs, { recursive: true, force: true });
  }, 60_000);

  const follow = async (block: ShellBlock): Promise<string> => {
    const place = `docs/deployment.md, line ${block.line}`;
    if (block.where === 'computer') return said(place, await computer.run(block.script));
    const where = block.where === 'all' ? machines : machines.filter(({ name }) => name === block.where);
    if (where.length === 0) throw new Error(`${place}: "${block.where}" is no place to run commands`);
    const outputs: string[] = [];
    for (const machine of where) {
      const result = await machine.exec(['sh', '-ec', block.script], { timeoutMs: 120_000 });
      outputs.push(said(`${place}, on ${machine.name}`, result, result.code === 0 ? '' : await journal(machine)));
    }
    return outputs.join('');
  };
  const followAll = async (heading: string): Promise<string> => {
    const chosen = blocks.filter((block) => block.heading === heading && block.where !== 'prepared');
    expect(chosen.length).toBeGreaterThan(0);
    const outputs: string[] = [];
    for (const block of chosen) outputs.push(await follow(block));
    return outputs.join('');
  };
  const unitsOf = (machine: RealMachine): Promise<string> =>
    machine.output(['systemctl', 'show', '--property=ActiveState,InvocationID,MainPID', 'hello.service']);
  const whereHello = async (): Promise<readonly string[]> => {
    const found = await Promise.all(machines.map(async (machine) => ((await machine.exec(['systemctl', 'is-active', '--quiet', 'hello.service'])).code === 0 ? [machine.name] : [])));
    return found.flat();
  };

  it('asks for packages that the machines have', async () => {
    const [prepared] = blocks.filter(({ where }) => where === 'prepared');
    const packages = /^apt-get install --yes (.*)$/m.exec(prepared?.script ?? '')?.[1]?.split(' ') ?? [];
    expect(packages).toContain('etcd-server');
    await machines[0]!.output(['dpkg-query', '--show', ...packages]);
  }, 30_000);

  it('brings the programs to the machines, which need nothing else for them', async () => {
    const said = await followAll('1. The programs');
    expect(said.match(/^fleetctl version v\d/gm)?.length).toBe(1);
    expect(said.match(/^fleetd version \d/gm)?.length).toBe(3);
  }, 120_000);

  it('makes certificates and brings them to the machines', async () => {
    await followAll('2. Certificates');
    expect(machines[1]!.readFile('/etc/fleet/etcd-ca.crt')).toContain('BEGIN CERTIFICATE');
  }, 120_000);

  it('starts etcd, for clients with a certificate only', async () => {
    const health = await followAll('3. etcd');
    expect(health).toBeDefined();
    const stranger = await machines[1]!.exec(['etcdctl', '--endpoints=https://10.213.1.1:2379', '--cacert=/etc/etcd/ca.crt', '--command-timeout=2s', 'get', 'x'], { env: { ETCDCTL_API: '3' } });
    expect(stranger.code).not.toBe(0);
  }, 240_000);

  it('starts fleetd as the user fleet, ready when it has joined', async () => {
    await followAll('4. fleetd');
    for (const machine of machines) {
      expect((await machine.output(['systemctl', 'show', '--property=ActiveState,SubState,User,StatusText', 'fleet.service'])).trim().split('\n').sort()).toEqual([
        'ActiveState=active',
        'StatusText=joined the cluster',
        'SubState=running',
        'User=fleet',
      ]);
      // Where units are started quickly, fleetd may write here (docs/decisions/0045).
      const group = (await machine.output(['systemctl', 'show', '--value', '--property=ControlGroup', 'fleet.service'])).trim();
      expect(await machine.output(['sh', '-c', 'stat -c %U /sys/fs/cgroup$0/cgroup.procs 2>/dev/null || stat -c %U /sys/fs/cgroup/unified$0/cgroup.procs', group])).toBe('fleet\n');
    }
  }, 240_000);

  it('runs a unit, shown on a machine and from elsewhere over TLS', async () => {
    const listings = await followAll('5. Try it');
    expect(listings).toContain('hostname=m3');
    expect(listings.match(/hello\.service\s.*active\s+running/g)?.length).toBe(2);
    await expectSoon(async () => (await whereHello()).length, 1);
    const stranger = await computer.run('. ./fleet.env; unset FLEETCTL_CERT_FILE FLEETCTL_KEY_FILE; fleetctl list-units');
    expect(stranger.code).not.toBe(0);
  }, 120_000);

  it('restarts every fleetd without touching the unit', async () => {
    const [name] = await whereHello();
    const host = machines.find((machine) => machine.name === name)!;
    const before = await unitsOf(host);
    await followAll('Restarts and upgrades');
    expect(await unitsOf(host)).toBe(before);
    expect(await whereHello()).toEqual([name]);
  }, 240_000);

  it('answers probes and metrics on the socket', async () => {
    const socket = machines[0]!.runtimePath('/run/fleet.sock');
    for (const path of ['/healthz', '/readyz', '/metrics']) expect({ path, status: (await requestOverSocket(socket, { method: 'GET', path })).status }).toEqual({ path, status: 200 });
  }, 30_000);

  it('takes a machine out: its units go elsewhere', async () => {
    await followAll('Taking a machine out');
    await expectSoon(async () => (await machines[0]!.output(['fleetctl', 'list-machines', '--no-legend'])).trim().split('\n').length, 2);
    await expectSoon(async () => (await whereHello()).length, 1);
    expect(await whereHello()).not.toEqual(['m3']);
  }, 120_000);

  it('has no commands that were not run', () => {
    const run = ['Before', '1. The programs', '2. Certificates', '3. etcd', '4. fleetd', '5. Try it', 'Restarts and upgrades', 'Taking a machine out'];
    // The blocks of a user are run by systemd-user.test.ts.
    expect(blocks.filter(({ heading, where }) => where !== 'user' && !run.includes(heading))).toEqual([]);
    expect(blocks.filter(({ heading, where }) => heading === 'Before' && where !== 'prepared')).toEqual([]);
  });
});

function said(place: string, { code, stdout, stderr }: CommandResult, more = ''): string {
  if (code !== 0) throw new Error(`${place}: exit code ${code}\n${stdout}${stderr}${more}`);
  return stdout;
}

async function journal(machine: RealMachine): Promise<string> {
  const { stdout } = await machine.exec(['journalctl', '--boot', '--no-pager', '--lines=60', '--unit=fleet.service', '--unit=etcd.service', '--unit=polkit.service']);
  return `\njournal of ${machine.name}:\n${stdout}`;
}

interface Computer {
  /** Runs a block where the last one has left off. */
  run(script: string): Promise<CommandResult>;
}

/** The computer of an operator: in the network of the machines, with SSH set up for them, and a clone in which the archive was made. */
function createComputer(world: World, key: string): Computer {
  const home = `${world.directory}/computer`;
  const write = (name: string, text: string, mode: number): void => {
    writeFileSync(world.outside(`${home}/${name}`), text);
    chmodSync(world.outside(`${home}/${name}`), mode);
  };
  mkdirSync(world.outside(`${home}/bin`), { recursive: true });
  write('key', key, 0o600);
  write('ssh_config', `IdentityFile ${home}/key\nUserKnownHostsFile ${home}/known_hosts\nStrictHostKeyChecking accept-new\nLogLevel ERROR\n`, 0o644);
  for (const program of ['ssh', 'scp']) write(`bin/${program}`, `#!/bin/sh\nexec /usr/bin/${program} -F ${home}/ssh_config "$@"\n`, 0o755);
  symlinkSync(repository, world.outside(`${home}/fleet`));
  write('place', home, 0o644);
  return {
    run: (script) =>
      world.run(['sh', '-ec', `cd "$(cat ${home}/place)"\n${script}\npwd > ${home}/place`], {
        timeoutMs: 120_000,
        env: { HOME: home, PATH: `${home}/bin:${home}/.local/bin:/usr/local/bin:/usr/bin:/bin`, LANG: 'C.UTF-8' },
      }),
  };
}
