import { Agent, request, type IncomingMessage } from 'node:http';

/** What the original's client library makes of an answer that is no success. */
export class GoogleApiError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface OriginalUnit {
  readonly name: string;
  readonly desiredState?: string;
  readonly currentState?: string;
  readonly machineID?: string;
  readonly options?: readonly { readonly section: string; readonly name: string; readonly value: string }[];
}

export interface OriginalState {
  readonly name: string;
  readonly hash: string;
  readonly machineID: string;
  readonly systemdActiveState: string;
}

/** Absent and null lists are empty ones. */
type Page<T> = { readonly nextPageToken?: string } & Readonly<Partial<Record<'units' | 'states' | 'machines', readonly T[] | null>>>;

/** Requests as the original's command line sends them, and answers as it reads them. */
export class OriginalClient implements Disposable {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #alongside: <T>(work: Promise<T>) => Promise<T>;
  readonly log: string[] = [];

  /** @param alongside Keeps the world going while a request is under way. */
  constructor(socketPath: string, alongside: <T>(work: Promise<T>) => Promise<T>) {
    this.#socketPath = socketPath;
    this.#alongside = alongside;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** `null` for a 404, which this client takes for "no such unit". */
  async unit(name: string): Promise<OriginalUnit | null> {
    return await orNull(this.#get<OriginalUnit>(`units/${escape(name)}`));
  }

  /** Its command line uses the answer without looking: with a 404 it crashes. */
  async state(name: string): Promise<OriginalState> {
    const state = await orNull(this.#get<OriginalState>(`state/${escape(name)}`));
    if (state === null) throw new Error('segmentation fault');
    return state;
  }

  async units(): Promise<readonly OriginalUnit[]> {
    return await this.#pages<OriginalUnit>('units', 'units');
  }

  async states(): Promise<readonly OriginalState[]> {
    return await this.#pages<OriginalState>('state', 'states');
  }

  async machines(): Promise<readonly { readonly id: string }[]> {
    return await this.#pages<{ readonly id: string }>('machines', 'machines');
  }

  async create(name: string, options: OriginalUnit['options']): Promise<number> {
    return await this.#put(name, { name, options });
  }

  async setState(name: string, desiredState: string): Promise<number> {
    return await this.#put(name, { desiredState, name });
  }

  /** False for a unit that is not there, which is skipped. */
  async destroy(name: string): Promise<boolean> {
    return (await orNull(this.#call('DELETE', `units/${escape(name)}`, {}))) !== null;
  }

  async #put(name: string, body: unknown): Promise<number> {
    return (await this.#call('PUT', `units/${escape(name)}`, {}, `${JSON.stringify(body)}\n`)).status;
  }

  async #pages<T>(resource: string, member: 'units' | 'states' | 'machines'): Promise<readonly T[]> {
    const all: T[] = [];
    let token = '';
    for (let pages = 0; pages < 1_000; pages += 1) {
      const page: Page<T> = await this.#get<Page<T>>(resource, token === '' ? {} : { nextPageToken: token });
      all.push(...(page[member] ?? []));
      token = page.nextPageToken ?? '';
      if (token === '') return all;
    }
    throw new Error(`${resource} hands out tokens for ever`);
  }

  async #get<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    const { body } = await this.#call('GET', path, query);
    const value: unknown = JSON.parse(body);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error(`GET ${path}: the body is not one JSON object`);
    return value as T;
  }

  async #call(method: string, path: string, query: Readonly<Record<string, string>>, body?: string): Promise<{ readonly status: number; readonly body: string }> {
    const parameters = Object.entries({ alt: 'json', ...query }).sort(([a], [b]) => (a < b ? -1 : 1));
    const target = `/fleet/v1/${path}?${parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
    const headers = { Host: 'domain-sock', 'User-Agent': 'google-api-go-client/0.5', 'Accept-Encoding': 'gzip', ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }) };
    const answer = await this.#alongside(
      new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
        const sent = request({ socketPath: this.#socketPath, agent: this.#agent, method, path: target, headers }, (response: IncomingMessage) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
          response.on('error', reject);
        });
        sent.on('error', reject);
        sent.end(body);
      }),
    );
    this.log.push(`${method} ${path.replace(/\/.*/, '/…')} ${answer.status}`);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw toError(answer);
  }
}

/** The code is that of the body; the status counts only without one, and a body without a message is shown raw. */
function toError({ status, body }: { readonly status: number; readonly body: string }): GoogleApiError {
  try {
    const { error } = JSON.parse(body) as { readonly error?: { readonly code?: number; readonly message?: string } };
    if (error?.message !== undefined && error.message !== '') return new GoogleApiError(error.code === undefined || error.code === 0 ? status : error.code, error.message);
  } catch {
    // Shown raw, like any other body.
  }
  return new GoogleApiError(status, `got HTTP response code ${status} with body: ${body}`);
}

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof GoogleApiError && error.code === 404) return null;
    throw error;
  }
}

/** All but `A-Z a-z 0-9 - . _ ~` arrives encoded. */
function escape(name: string): string {
  return encodeURIComponent(name).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
