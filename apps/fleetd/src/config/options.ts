import { z } from 'zod';
import { boolean, duration, integer, list, metadata, mode, path, seconds, share, text } from './values.ts';

// Every option of fleet.conf, in the order of the documentation: how its text is read, and what it is if it is not there.
// Those of the original keep their names, forms and defaults.

const etcd = {
  etcd_servers: list.default(['http://127.0.0.1:2379', 'http://127.0.0.1:4001']),
  etcd_username: text.default(''),
  etcd_password: text.default(''),
  etcd_cafile: text.default(''),
  etcd_certfile: text.default(''),
  etcd_keyfile: text.default(''),
  etcd_key_prefix: text.default('/_coreos.com/fleet/'),
  /** Seconds; 0 for none. */
  etcd_request_timeout: seconds(0).default(1),
};

const original = {
  verbosity: integer(-(2 ** 31), 2 ** 31).default(0),
  ...etcd,
  engine_reconcile_interval: seconds(0, true).default(2),
  public_ip: text.default(''),
  metadata: metadata.default({}),
  agent_ttl: duration(1000).default(30_000),
  units_directory: path.default('/run/fleet/units/'),
  systemd_user: boolean.default(false),
  token_limit: integer(1, 65_535).default(100),
  disable_engine: boolean.default(false),
};

const added = {
  registry: z.enum(['etcd', 'embedded'], { error: choice }).default('etcd'),
  registry_path: path.default('/var/lib/fleet/registry.db'),
  systemd: z.enum(['dbus', 'process'], { error: choice }).default('dbus'),
  /** Where the process adapter keeps logs and what it needs to find running units again. */
  process_directory: path.default('/var/lib/fleet/process'),
  listen: list.default(['/var/run/fleet.sock']),
  listen_insecure: boolean.default(false),
  socket_mode: mode.default(0o660),
  socket_group: text.default(''),
  tls_certfile: text.default(''),
  tls_keyfile: text.default(''),
  tls_client_cafile: text.default(''),
  runtime_directory: path.default('/run/fleet'),
  machine_id: text.default(''),
  machine_id_file: path.default('/etc/machine-id'),
  on_lease_loss: z.enum(['keep', 'stop'], { error: choice }).default('keep'),
  shutdown: z.enum(['purge', 'keep'], { error: choice }).default('purge'),
  shutdown_timeout: duration(0).default(60_000),
  evacuation_pause_share: share.default(1 / 3),
  log_format: z.enum(['auto', 'text', 'json', 'journal'], { error: choice }).default('auto'),
};

export const OPTIONS = { ...original, ...added };

export type OptionName = keyof typeof OPTIONS;
export type OptionValues = { readonly [K in OptionName]: z.output<(typeof OPTIONS)[K]> };

/** Options of the original that mean nothing any more: setting one is not an error. */
export const OBSOLETE: Readonly<Record<string, string>> = {
  verify_units: 'units are not verified by signature any more',
  authorized_keys_file: 'units are not verified by signature any more',
  enable_grpc: 'states are cheap in etcd now, there is no second channel',
  disable_watches: 'everything follows watches now',
};

export function isOption(key: string): key is OptionName {
  return Object.hasOwn(OPTIONS, key);
}

function choice(issue: { readonly input?: unknown; readonly values?: readonly unknown[] }): string {
  return `${JSON.stringify(issue.input)} is none of ${(issue.values ?? []).map(String).join(', ')}`;
}
