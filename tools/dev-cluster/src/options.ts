import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** End by itself after everything was shown. */
  readonly once: boolean;
  /** Machines with their own systemd and a real etcd instead of daemons in one process. */
  readonly real: boolean;
}

export type ParsedDemoOptions = { readonly kind: 'run'; readonly options: DemoOptions } | { readonly kind: 'help' } | { readonly kind: 'bad'; readonly message: string };

export const usage = `usage: npm run demo [-- OPTIONS]

Starts a fleet of three machines and examples/hello.service on it, and keeps running until Ctrl-C.

  --once   end by itself after showing the cluster
  --real   machines with their own systemd and a real etcd (needs root on Linux)
  --help   this text`;

export function parseDemoOptions(args: readonly string[]): ParsedDemoOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { once: { type: 'boolean', default: false }, real: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
      strict: true,
    });
    return values.help ? { kind: 'help' } : { kind: 'run', options: { once: values.once, real: values.real } };
  } catch (error) {
    return { kind: 'bad', message: error instanceof Error ? error.message : String(error) };
  }
}
