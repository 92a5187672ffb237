import { readFileSync } from 'node:fs';
import { checkListener, type ListenerSpec, type TlsFiles } from '@fleet/api-server';
import { describeError, isFleetError } from '@fleet/runtime';
import { readListenAddress } from './listen-addresses.ts';
import type { OptionName, OptionValues } from './options.ts';
import type { Problem } from './problem.ts';
import type { ReadOptions } from './read-options.ts';

export interface EtcdSettings {
  readonly kind: 'etcd';
  readonly endpoints: readonly string[];
  readonly username: string;
  readonly password: string;
  /** Paths; empty if not set. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly requestTimeoutMs: number;
}

/** The configuration of one fleetd, checked. Times are milliseconds. */
export interface FleetdConfig {
  readonly debug: boolean;
  readonly logFormat: OptionValues['log_format'];
  readonly registry: EtcdSettings | { readonly kind: 'embedded'; readonly path: string };
  readonly keyPrefix: string;
  readonly systemd: { readonly kind: 'dbus'; readonly user: boolean } | { readonly kind: 'process'; readonly directory: string };
  readonly unitsDirectory: string;
  readonly runtimeDirectory: string;
  /** Empty to read the file. */
  readonly machineId: string;
  readonly machineIdFile: string;
  readonly publicIp: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly agentTtlMs: number;
  readonly engineReconcileIntervalMs: number;
  readonly disableEngine: boolean;
  readonly tokenLimit: number;
  readonly onLeaseLoss: 'keep' | 'stop';
  readonly shutdown: 'purge' | 'keep';
  readonly shutdownTimeoutMs: number;
  readonly evacuationPauseShare: number;
  /** Of these, unix sockets are not used when systemd passes sockets. */
  readonly listeners: readonly ListenerSpec[];
}

/** What etcd waits for when no time-out is wanted. */
const NO_TIMEOUT_MS = 3_600_000;

/** Puts the options together and checks what concerns more than one of them, and the files they name. */
export function normaliseOptions({ values, places }: ReadOptions): { readonly config: FleetdConfig; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const report = (key: OptionName, message: string, remedy?: string): void => {
    const place = places.get(key) ?? { source: 'default', line: null };
    problems.push({ severity: 'error', ...place, key, message, ...(remedy === undefined ? {} : { remedy }) });
  };
  const config: FleetdConfig = {
    debug: values.verbosity > 0,
    logFormat: values.log_format,
    registry: values.registry === 'etcd' ? readEtcd(values, report) : { kind: 'embedded', path: values.registry_path },
    keyPrefix: `/${values.etcd_key_prefix.replace(/^\/+|\/+$/g, '')}/`.replace('//', '/'),
    systemd: values.systemd === 'dbus' ? { kind: 'dbus', user: values.systemd_user } : { kind: 'process', directory: values.process_directory },
    unitsDirectory: values.units_directory,
    runtimeDirectory: values.runtime_directory,
    machineId: values.machine_id,
    machineIdFile: values.machine_id_file,
    publicIp: values.public_ip,
    metadata: values.metadata,
    agentTtlMs: values.agent_ttl,
    engineReconcileIntervalMs: values.engine_reconcile_interval * 1000,
    disableEngine: values.disable_engine,
    tokenLimit: values.token_limit,
    onLeaseLoss: values.on_lease_loss,
    shutdown: values.shutdown,
    shutdownTimeoutMs: values.shutdown_timeout,
    evacuationPauseShare: values.evacuation_pause_share,
    listeners: readListeners(values, report),
  };
  if (values.machine_id !== '' && !/^[\w.:-]{1,64}$/.test(values.machine_id)) report('machine_id', `${JSON.stringify(values.machine_id)} is no machine id`, 'use 1 to 64 letters, digits or any of . _ : -');
  if (values.public_ip !== '' && /["'\s]/.test(values.public_ip)) report('public_ip', `${JSON.stringify(values.public_ip)} is no address`);
  return { config, problems };
}

type Report = (key: OptionName, message: string, remedy?: string) => void;

function readEtcd(values: OptionValues, report: Report): EtcdSettings {
  if (values.etcd_servers.length === 0) report('etcd_servers', 'no endpoint is named', 'name at least one, such as http://127.0.0.1:2379');
  for (const endpoint of values.etcd_servers) {
    if (!/^https?:\/\/[^/\s]+\/?$/.test(endpoint)) report('etcd_servers', `${JSON.stringify(endpoint)} is no endpoint`, 'write http://host:port or https://host:port');
  }
  if (new Set(values.etcd_servers.map((endpoint) => endpoint.startsWith('https:'))).size > 1) {
    report('etcd_servers', 'http and https endpoints are mixed', 'use https for all of them or for none');
  }
  if ((values.etcd_certfile === '') !== (values.etcd_keyfile === '')) {
    report(values.etcd_certfile === '' ? 'etcd_keyfile' : 'etcd_certfile', 'a client certificate needs both etcd_certfile and etcd_keyfile');
  }
  for (const key of ['etcd_cafile', 'etcd_certfile', 'etcd_keyfile'] as const) checkReadable(key, values[key], report);
  return {
    kind: 'etcd',
    endpoints: values.etcd_servers,
    username: values.etcd_username,
    password: values.etcd_password,
    caFile: values.etcd_cafile,
    certFile: values.etcd_certfile,
    keyFile: values.etcd_keyfile,
    requestTimeoutMs: values.etcd_request_timeout === 0 ? NO_TIMEOUT_MS : values.etcd_request_timeout * 1000,
  };
}

function readListeners(values: OptionValues, report: Report): readonly ListenerSpec[] {
  const tls = readTls(values, report);
  return values.listen.flatMap((address) => {
    const read = readListenAddress(address, { socketMode: values.socket_mode, socketGroup: values.socket_group, tls, insecure: values.listen_insecure });
    if (!read.ok) {
      report('listen', read.message, 'write a path such as /var/run/fleet.sock, or 127.0.0.1:49153');
      return [];
    }
    try {
      checkListener(read.spec);
    } catch (error) {
      report('listen', describeError(error), isFleetError(error) && error.remedy !== undefined ? `${error.remedy}: listen_insecure=true` : undefined);
    }
    return [read.spec];
  });
}

function readTls(values: OptionValues, report: Report): TlsFiles | undefined {
  const files = ['tls_certfile', 'tls_keyfile', 'tls_client_cafile'] as const;
  const set = files.filter((key) => values[key] !== '');
  for (const key of set) checkReadable(key, values[key], report);
  if (set.length === 0) return undefined;
  for (const key of files) {
    if (values[key] === '') report(set[0] ?? key, `${key} is missing`, 'TLS for the API needs tls_certfile, tls_keyfile and tls_client_cafile');
  }
  return { certFile: values.tls_certfile, keyFile: values.tls_keyfile, clientCaFile: values.tls_client_cafile };
}

function checkReadable(key: OptionName, file: string, report: Report): void {
  if (file === '') return;
  try {
    if (!readFileSync(file, 'utf8').includes('-----BEGIN ')) report(key, `${file} is no PEM file`);
  } catch (error) {
    report(key, `${file} cannot be read: ${describeError(error)}`);
  }
}
