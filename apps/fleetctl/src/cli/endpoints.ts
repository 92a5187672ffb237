import type { Transport } from '@fleet/api-client/fast';

/** The endpoints that a comma-separated list names; the default if it names none. */
export function readEndpoints(text: string, otherwise: string): readonly string[] {
  const endpoints = text.split(',').map((each) => each.trim()).filter((each) => each !== '');
  return endpoints.length === 0 ? [otherwise] : endpoints;
}

/** Connects to the first of several endpoints that answers, and stays with it as long as it does. When none does, the failure is the first one's. */
export function createFailoverTransport(first: Transport, ...others: readonly Transport[]): Transport {
  const all = [first, ...others];
  let current = first;
  return {
    get origin() {
      return current.origin;
    },
    get host() {
      return current.host;
    },
    get pathPrefix() {
      return current.pathPrefix;
    },
    connect: async (signal) => {
      const failures: unknown[] = [];
      for (const transport of [current, ...all.filter((each) => each !== current)]) {
        try {
          const socket = await transport.connect(signal);
          current = transport;
          return socket;
        } catch (error) {
          signal?.throwIfAborted();
          failures.push(error);
        }
      }
      throw failures[0];
    },
    close: () => {
      for (const transport of all) transport.close();
    },
  };
}
