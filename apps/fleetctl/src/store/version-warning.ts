/** The banner for a fleetctl that is older than the newest daemon in the cluster; versions that cannot be read do not count. */
export function olderVersionWarning(own: string, others: readonly string[]): string | undefined {
  const mine = parse(own);
  const newest = others.map(parse).filter((version) => version !== undefined).sort(compare).at(-1);
  if (mine === undefined || newest === undefined || compare(mine, newest) >= 0) return undefined;
  const frame = '#'.repeat(68);
  return `${frame}
WARNING: fleetctl (${mine.join('.')}) is older than the latest registered
version of fleet found in the cluster (${newest.join('.')}). You are strongly
recommended to upgrade fleetctl to prevent incompatibility issues.
${frame}
`;
}

type Version = readonly [major: number, minor: number, patch: number];

function parse(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
