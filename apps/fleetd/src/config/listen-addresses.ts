import type { ListenerSpec, TlsFiles } from '@fleet/api-server';

/** A listener, or what is wrong with its address. */
export type ListenAddress = { readonly ok: true; readonly spec: ListenerSpec } | { readonly ok: false; readonly message: string };

export interface ListenOptions {
  readonly socketMode: number;
  readonly socketGroup: string;
  readonly tls: TlsFiles | undefined;
  readonly insecure: boolean;
}

/** Reads one item of `listen`: `/path`, `unix:///path`, `tcp://host:port` or `host:port`. */
export function readListenAddress(address: string, options: ListenOptions): ListenAddress {
  const path = /^(?:unix:(?:\/\/)?|file:\/\/)?(\/.+)$/.exec(address)?.[1];
  if (path !== undefined) {
    return { ok: true, spec: { kind: 'unix', path, mode: options.socketMode, ...(options.socketGroup === '' ? {} : { group: options.socketGroup }) } };
  }
  const match = /^(?:(?:tcp|http|https):\/\/)?(\[[0-9a-fA-F:.]+\]|[^:/[\]]*):(\d{1,5})\/?$/.exec(address);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) return { ok: false, message: `${JSON.stringify(address)} is neither the path of a socket nor host:port` };
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return {
    ok: true,
    spec: { kind: 'tcp', host: host === '' ? '::' : host, port, ...(options.tls === undefined ? {} : { tls: options.tls }), ...(options.insecure ? { insecure: true } : {}) },
  };
}
