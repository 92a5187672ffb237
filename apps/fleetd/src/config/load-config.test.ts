import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig, type LoadedConfig } from './load-config.ts';
import { parseConfigFile } from './parse-file.ts';
import { describeProblem } from './problem.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetd-config-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function load(text: string, env: Record<string, string> = {}): LoadedConfig {
  const file = join(directory, 'fleet.conf');
  writeFileSync(file, text);
  return loadConfig(file, env);
}

function problems(text: string, env: Record<string, string> = {}): string[] {
  return load(text, env).problems.map((problem) => `${problem.severity}: ${describeProblem(problem).replace(`${directory}/`, '')}`);
}

describe('parseConfigFile', () => {
  it.each([
    { title: 'blanks around the sign, upper case keys', text: ' Public_IP  =  1.2.3.4 ', expected: [['public_ip', '1.2.3.4']] },
    { title: 'comments and blank lines', text: '# a=b\n; c=d\n\n \npublic_ip=x', expected: [['public_ip', 'x']] },
    { title: 'double quotes', text: 'metadata="a=b # c"', expected: [['metadata', 'a=b # c']] },
    { title: 'single quotes', text: "metadata='a=b ; c'", expected: [['metadata', 'a=b ; c']] },
    { title: 'a comment after a bare value', text: 'public_ip=1.2.3.4 # here', expected: [['public_ip', '1.2.3.4']] },
    { title: 'no value', text: 'public_ip=', expected: [['public_ip', '']] },
    { title: 'only a comment as value', text: 'public_ip= # none', expected: [['public_ip', '']] },
    { title: 'lines joined by a backslash', text: 'metadata=a=b,\\\n  c=d', expected: [['metadata', 'a=b,c=d']] },
    { title: 'brackets and quotes inside', text: 'etcd_servers=["http://a:1","http://b:2"]', expected: [['etcd_servers', '["http://a:1","http://b:2"]']] },
    { title: 'Windows line ends', text: 'public_ip=1\r\nmetadata=a=b\r\n', expected: [['public_ip', '1'], ['metadata', 'a=b']] },
  ])('reads $title', ({ text, expected }) => {
    const { assignments, problems: found } = parseConfigFile(text, 'fleet.conf');
    expect(assignments.map(({ key, value }) => [key, value])).toEqual(expected);
    expect(found).toEqual([]);
  });

  it('keeps the quotes of a quoted value with a comment behind it, as the original, and says so', () => {
    const { assignments, problems: found } = parseConfigFile('public_ip="1.2.3.4" # c', 'fleet.conf');
    expect(assignments).toEqual([{ key: 'public_ip', value: '"1.2.3.4"', line: 1 }]);
    expect(found).toMatchObject([{ severity: 'warning', line: 1, key: 'public_ip' }]);
  });
});

describe('loadConfig', () => {
  it('has the defaults of the original', () => {
    expect(load('').config).toEqual({
      debug: false,
      logFormat: 'auto',
      registry: { kind: 'etcd', endpoints: ['http://127.0.0.1:2379', 'http://127.0.0.1:4001'], username: '', password: '', caFile: '', certFile: '', keyFile: '', requestTimeoutMs: 1000 },
      keyPrefix: '/_coreos.com/fleet/',
      systemd: { kind: 'dbus', user: false },
      unitsDirectory: '/run/fleet/units/',
      runtimeDirectory: '/run/fleet',
      machineId: '',
      machineIdFile: '/etc/machine-id',
      publicIp: '',
      metadata: {},
      agentTtlMs: 30_000,
      engineReconcileIntervalMs: 2000,
      disableEngine: false,
      tokenLimit: 100,
      onLeaseLoss: 'keep',
      shutdown: 'purge',
      shutdownTimeoutMs: 60_000,
      evacuationPauseShare: 1 / 3,
      listeners: [{ kind: 'unix', path: '/var/run/fleet.sock', mode: 0o660 }],
    });
  });

  it.each([
    { title: 'endpoints as a list with commas', text: 'etcd_servers=http://a:1, http://b:2', part: { registry: { endpoints: ['http://a:1', 'http://b:2'] } } },
    { title: 'endpoints in brackets and quotes', text: 'etcd_servers=["http://a:1", "http://b:2"]', part: { registry: { endpoints: ['http://a:1', 'http://b:2'] } } },
    { title: 'metadata with odd pairs', text: 'metadata=a=1, b = 2 ,c=d=e,nothing,=f,h=,a=3', part: { metadata: { a: '3', b: '2', c: 'd=e', '': 'f', h: '' } } },
    { title: 'hexadecimal and octal numbers', text: 'token_limit=0x10\nverbosity=010', part: { tokenLimit: 16, debug: true } },
    { title: 'durations', text: 'agent_ttl=1m30s\nshutdown_timeout=500ms', part: { agentTtlMs: 90_000, shutdownTimeoutMs: 500 } },
    { title: 'seconds with decimals', text: 'etcd_request_timeout=0.25\nengine_reconcile_interval=1.5', part: { registry: { requestTimeoutMs: 250 }, engineReconcileIntervalMs: 1500 } },
    { title: 'no etcd time-out', text: 'etcd_request_timeout=0', part: { registry: { requestTimeoutMs: 3_600_000 } } },
    { title: 'a prefix without slashes', text: 'etcd_key_prefix=fleet/test', part: { keyPrefix: '/fleet/test/' } },
    { title: 'the embedded registry and the process adapter', text: 'registry=embedded\nregistry_path=/a/b.db\nsystemd=process\nprocess_directory=/a/p', part: { registry: { kind: 'embedded', path: '/a/b.db' }, systemd: { kind: 'process', directory: '/a/p' } } },
    {
      title: 'listeners of every form',
      text: 'listen=/a.sock,unix:///b.sock,127.0.0.1:0,tcp://[::1]:80\nsocket_mode=0600\nsocket_group=fleet',
      part: {
        listeners: [
          { kind: 'unix', path: '/a.sock', mode: 0o600, group: 'fleet' },
          { kind: 'unix', path: '/b.sock', mode: 0o600, group: 'fleet' },
          { kind: 'tcp', host: '127.0.0.1', port: 0 },
          { kind: 'tcp', host: '::1', port: 80 },
        ],
      },
    },
    { title: 'the last assignment wins', text: 'public_ip=1.1.1.1\npublic_ip=2.2.2.2', part: { publicIp: '2.2.2.2' } },
    { title: 'the environment over the file, empty too', text: 'public_ip=1.1.1.1\nmetadata=a=b', env: { FLEET_PUBLIC_IP: '', FLEET_METADATA: 'c=d' }, part: { publicIp: '', metadata: { c: 'd' } } },
    { title: 'booleans of all forms', text: 'disable_engine=T\nsystemd_user=true', part: { disableEngine: true, systemd: { user: true } } },
  ])('reads $title', ({ text, env = {}, part }: { text: string; env?: Record<string, string>; part: object }) => {
    const { config, problems: found } = load(text, env);
    expect(found).toEqual([]);
    expect(config).toMatchObject(part);
  });

  it('reports all problems at once, each with file, line, key and remedy', () => {
    expect(problems('token_limit=zz\nmetadta=a=b\nno assignment\nagent_ttl=30\nregistry=consul\nlisten=0.0.0.0:80\netcd_certfile=/x.pem\n', { FLEET_VERBOSITY: 'loud' })).toEqual([
      'error: fleet.conf:1: token_limit: "zz" is not a whole number (remove it to use the default, 100)',
      'error: fleet.conf:2: metadta: there is no such option (did you mean metadata?)',
      'error: fleet.conf:3: "no assignment" is no assignment (write key=value, or begin the line with # to make it a comment)',
      'error: fleet.conf:4: agent_ttl: "30" is not a duration with a unit (remove it to use the default, 30s)',
      'error: fleet.conf:5: registry: "consul" is none of etcd, embedded (remove it to use the default, etcd)',
      expect.stringMatching(/^error: fleet.conf:6: listen: tcp 0.0.0.0:80 would serve the API to others without TLS \(.*listen_insecure=true\)$/),
      expect.stringMatching(/^error: fleet.conf:7: etcd_certfile: a client certificate needs both/),
      expect.stringMatching(/^error: fleet.conf:7: etcd_certfile: \/x.pem cannot be read/),
      'error: environment variable FLEET_VERBOSITY: verbosity: "loud" is not a whole number (remove it to use the default, 0)',
    ]);
  });

  it.each([
    { title: 'a negative TTL', text: 'agent_ttl=-5s', message: /agent_ttl: "-5s" is not a duration/ },
    { title: 'a TTL of less than a second', text: 'agent_ttl=10ms', message: /agent_ttl: 10ms is less than 1s/ },
    { title: 'a page size out of range', text: 'token_limit=70000', message: /token_limit: 70000 is not between 1 and 65535/ },
    { title: 'an interval of zero', text: 'engine_reconcile_interval=0', message: /engine_reconcile_interval: 0 is not more than 0/ },
    { title: 'a time-out with a unit', text: 'etcd_request_timeout=1s', message: /"1s" is not a number of seconds/ },
    { title: 'a boolean that is none', text: 'disable_engine=maybe', message: /"maybe" is neither true nor false/ },
    { title: 'a relative path', text: 'units_directory=units', message: /"units" is not an absolute path/ },
    { title: 'a share above one', text: 'evacuation_pause_share=2', message: /"2" is not a number from 0 to 1/ },
    { title: 'an endpoint without scheme', text: 'etcd_servers=10.0.0.1:2379', message: /"10.0.0.1:2379" is no endpoint \(write http:/ },
    { title: 'no endpoint', text: 'etcd_servers=', message: /no endpoint is named/ },
    { title: 'mixed endpoints', text: 'etcd_servers=http://a:1,https://b:1', message: /http and https endpoints are mixed/ },
    { title: 'half of TLS for the API', text: 'tls_certfile=/x', message: /tls_keyfile is missing/ },
    { title: 'a bad listener', text: 'listen=fleet.sock', message: /"fleet.sock" is neither the path of a socket nor host:port/ },
    { title: 'a bad machine id', text: 'machine_id=a/b', message: /"a\/b" is no machine id/ },
    { title: 'a bad socket mode', text: 'socket_mode=rw', message: /"rw" is not a mode such as 0660/ },
  ])('refuses $title', ({ text, message }) => {
    const { config } = load(text);
    expect(config).toBeNull();
    expect(problems(text).join('\n')).toMatch(message);
  });

  it.each([
    { title: 'obsolete options', text: 'verify_units=true\nauthorized_keys_file=/x\nenable_grpc=true\ndisable_watches=true', count: 4, message: /obsolete and ignored/ },
    { title: 'options in a section', text: '[fleet]\npublic_ip=1.2.3.4', count: 1, message: /stands in section \[fleet\]/ },
    { title: 'a word in the environment that is no option', text: '', env: { FLEET_PUBLIC_IPP: 'x' }, count: 1, message: /FLEET_PUBLIC_IPP: public_ipp: there is no such option \(did you mean public_ip\?\)/ },
  ])('warns of $title, and goes on', ({ text, env = {}, count, message }: { text: string; env?: Record<string, string>; count: number; message: RegExp }) => {
    const { config, problems: found } = load(text, env);
    expect(config).not.toBeNull();
    expect(config?.publicIp).toBe('');
    expect(found.map(({ severity }) => severity)).toEqual(Array.from({ length: count }, () => 'warning'));
    expect(problems(text, env).join('\n')).toMatch(message);
  });

  it('needs a file that is named, and not the default one', () => {
    expect(loadConfig(join(directory, 'none.conf'), {})).toMatchObject({ config: null, problems: [{ severity: 'error', message: expect.stringContaining('cannot be read') }] });
    expect(loadConfig(directory, {})).toMatchObject({ config: null });
    const absent = loadConfig(undefined, {}, join(directory, 'none.conf'));
    expect(absent).toMatchObject({ file: null, problems: [] });
    expect(absent.config).not.toBeNull();
  });

  it('starts from the defaults again at each load: an option that was removed has its default', () => {
    expect(load('public_ip=1.2.3.4').config?.publicIp).toBe('1.2.3.4');
    expect(load('').config?.publicIp).toBe('');
  });
});
