import { parseArgs } from 'node:util';

export interface ChaosRunOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly ttlSeconds: number;
  readonly etcdMembers: number;
}

export type ParsedChaosOptions = { readonly kind: 'run'; readonly options: ChaosRunOptions } | { readonly kind: 'help' } | { readonly kind: 'bad'; readonly message: string };

export const usage = `usage: npm run chaos [-- OPTIONS]

Random faults on three real machines (root on Linux) while users start, stop and destroy units; ends with 1 when a promise was broken.

  --minutes N   how long it goes on; 5 unless told
  --seed S      the same seed gives the same faults and commands; drawn and said unless told
  --ttl N       life of a machine's lease in seconds; 6 unless told
  --etcd N      members of the etcd cluster; 1 unless told
  --help        this text`;

export function parseChaosOptions(args: readonly string[], drawSeed: () => number): ParsedChaosOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' }, ttl: { type: 'string', default: '6' }, etcd: { type: 'string', default: '1' }, help: { type: 'boolean', short: 'h', default: false } },
      strict: true,
    });
    if (values.help) return { kind: 'help' };
    const [minutes, ttlSeconds, etcdMembers] = [Number(values.minutes), Number(values.ttl), Number(values.etcd)];
    const seed = values.seed === undefined ? drawSeed() : Number(values.seed);
    if (!(minutes > 0)) return { kind: 'bad', message: `--minutes ${values.minutes}: not a number above 0` };
    if (!(ttlSeconds >= 1)) return { kind: 'bad', message: `--ttl ${values.ttl}: not a number of at least 1` };
    if (!Number.isInteger(etcdMembers) || etcdMembers < 1 || etcdMembers > 5) return { kind: 'bad', message: `--etcd ${values.etcd}: not a whole number from 1 to 5` };
    if (!Number.isInteger(seed)) return { kind: 'bad', message: `--seed ${values.seed ?? ''}: not a whole number` };
    return { kind: 'run', options: { minutes, seed, ttlSeconds, etcdMembers } };
  } catch (error) {
    return { kind: 'bad', message: error instanceof Error ? error.message : String(error) };
  }
}
