import { afterAll, beforeAll } from '@jest/globals';
import { createInProcessCluster, type InProcessCluster, type InProcessClusterOptions } from '@fleet/testkit';

type ClusterOptions = Omit<InProcessClusterOptions, 'agentTtlMs' | 'version'>;

export interface UsedCluster {
  readonly cluster: () => InProcessCluster;
  /** Tells fleetctl to ask the first machine. */
  readonly env: () => { readonly FLEETCTL_ENDPOINT: string };
}

/** A cluster for commands to work on. Its daemons are in this process, which must not stand still meanwhile. */
export function createCluster(options: ClusterOptions): Promise<InProcessCluster> {
  return createInProcessCluster({ agentTtlMs: 10_000, version: '1.0.0', ...options });
}

/** One cluster for all tests of a suite; it is there when the `beforeAll` of the suite runs. */
export function useCluster(options: ClusterOptions): UsedCluster {
  let cluster: InProcessCluster;
  beforeAll(async () => {
    cluster = await createCluster(options);
  }, 30_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });
  return { cluster: () => cluster, env: () => endpointOf(cluster) };
}

export function endpointOf(cluster: InProcessCluster): { readonly FLEETCTL_ENDPOINT: string } {
  return { FLEETCTL_ENDPOINT: `unix://${cluster.machines[0]?.socketPath ?? ''}` };
}
