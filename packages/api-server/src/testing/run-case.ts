import { createRegistry, type Store } from '@fleet/registry';
import { silentLogger, systemClock } from '@fleet/runtime';
import { createApiServer } from '../api-server.ts';
import { apiCaseSchema, type ApiCase, type GivenCluster } from './api-case.ts';
import { createUnreachableStore } from './broken-store.ts';
import { compareCase, parseJson, type CaseOutcome, type Listed } from './compare-case.ts';
import { arrangeCluster } from './given-cluster.ts';
import { exchange, formatRequest } from './raw-http.ts';

type Address = { readonly host: string; readonly port: number };

/** What a case is served from: its store is arranged already. */
export interface ServeCaseOptions {
  readonly given: GivenCluster;
  readonly store: Store;
  readonly prefix: string;
}

export interface ServedCase extends AsyncDisposable {
  readonly address: Address;
}

export interface RunCaseOptions {
  /** A store of its own for this case, or one that is shared under a prefix of its own. */
  readonly store: Store;
  readonly prefix: string;
  /** Starts what answers; an API server alone unless told. */
  readonly serve?: (options: ServeCaseOptions) => Promise<ServedCase>;
}

/** Runs one recorded exchange against a server of its own. Throws when the case is not of the documented form. */
export async function runApiCase(value: unknown, { store, prefix, serve = serveAlone }: RunCaseOptions): Promise<CaseOutcome> {
  const testCase = apiCaseSchema.parse(value);
  const { given } = testCase;
  await arrangeCluster(store, createRegistry(store, { prefix, clock: systemClock, logger: silentLogger }), prefix, given);
  await using served = await serve({ given, store, prefix });
  const { address } = served;
  const wantsAfter = testCase.after !== null && testCase.after !== undefined && given.available && !given.registryDown;
  const before = wantsAfter ? await listAll(address) : null;
  const answer = await exchange(address, requestBytes(testCase));
  return compareCase(testCase, answer, before, wantsAfter ? await listAll(address) : null);
}

async function serveAlone({ given, store, prefix }: ServeCaseOptions): Promise<ServedCase> {
  const registry = createRegistry(given.registryDown ? createUnreachableStore() : store, { prefix, clock: systemClock, logger: silentLogger });
  const server = createApiServer({
    registry,
    version: 'v1.0.0',
    clock: systemClock,
    logger: silentLogger,
    tokenLimit: given.tokenLimit,
    availability: { available: () => given.available },
  });
  const [listener] = await server.listen([{ kind: 'tcp', host: '127.0.0.1', port: 0 }]);
  if (listener === undefined || typeof listener.address === 'string') throw new Error('the API server does not listen');
  return { address: listener.address, [Symbol.asyncDispose]: () => server.close() };
}

function requestBytes({ request }: ApiCase): Buffer {
  return formatRequest({ method: request.method, path: request.path, headers: request.headers ?? {}, body: request.body ?? null });
}

async function listAll(address: Address): Promise<Listed> {
  return { units: await listPages(address, 'units'), machines: await listPages(address, 'machines') };
}

async function listPages(address: Address, collection: 'units' | 'machines'): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  let token: string | undefined;
  do {
    const path = `/fleet/v1/${collection}${token === undefined ? '' : `?nextPageToken=${encodeURIComponent(token)}`}`;
    const answer = await exchange(address, formatRequest({ method: 'GET', path, headers: {}, body: null }));
    if (answer?.status !== 200) throw new Error(`GET ${path}: status ${answer?.status ?? 'none'}`);
    const page = parseJson(answer.body) as { readonly nextPageToken?: string; readonly units?: readonly unknown[]; readonly machines?: readonly unknown[] };
    all.push(...(page[collection] ?? []));
    token = page.nextPageToken;
  } while (token !== undefined);
  return all;
}
