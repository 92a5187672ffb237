import type { StateRecord } from '@fleet/registry';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import type { ClusterView } from '../cache/cluster-view.ts';
import { KeptAnswers } from '../cache/kept-answers.ts';
import { compareBytes } from '../cache/sorted-names.ts';
import { errorAnswer, jsonAnswer, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';
import { writeJson } from '../http/json-write.ts';
import { cutPage, parsePageToken } from '../http/page-token.ts';
import { isOriginalClient } from './original-client.ts';

export interface V1StatesOptions {
  readonly cache: ClusterCache;
  readonly tokenLimit: number;
}

const ABSENT = 'unit state does not exist';

/** The state resource of version 1 (as fleet `api/state.go`). */
export class V1States {
  readonly #options: V1StatesOptions;
  readonly #kept = new KeptAnswers();

  constructor(options: V1StatesOptions) {
    this.#options = options;
  }

  async list(request: ApiRequest): Promise<Answer> {
    const { cache, tokenLimit } = this.#options;
    const token = parsePageToken(request.query.get('nextPageToken') ?? [], tokenLimit);
    if (!token.ok) return errorAnswer(400, token.message);
    const view = await cache.acquire(request);
    return await this.#kept.get(JSON.stringify([...request.query]), view.revision, () => this.#page(view, request, token.page));
  }

  #page(view: ClusterView, request: ApiRequest, page: number): Answer {
    const { tokenLimit } = this.#options;
    const unit = request.query.get('unitName')?.[0] ?? '';
    const machine = request.query.get('machineID')?.[0] ?? '';
    const keys =
      unit === ''
        ? view.stateKeys.all.filter((key) => machine === '' || key.endsWith(` ${machine}`))
        : [...view.statesOf(unit).keys()].filter((id) => machine === '' || id === machine).sort(compareBytes).map((id) => `${unit} ${id}`);
    const { items, next } = cutPage(keys, { size: tokenLimit, page });
    const states = items.flatMap((key) => {
      const at = key.lastIndexOf(' ');
      const state = view.state(key.slice(0, at), key.slice(at + 1));
      return state === undefined ? [] : [toWire(state)];
    });
    return jsonAnswer(200, writeJson({ ...(next !== undefined && { nextPageToken: next }), ...(states.length > 0 && { states }) }), view.revision);
  }

  /**
   * One report; of several the one from the lowest machine id. The original's command line crashes on a 404 here, so it
   * gets a 503, which it takes for a passing failure and asks again.
   */
  async get(request: ApiRequest): Promise<Answer> {
    const view = await this.#options.cache.acquire(request);
    const [machine] = [...view.statesOf(request.name).keys()].sort(compareBytes);
    const state = machine === undefined ? undefined : view.state(request.name, machine);
    if (state !== undefined) return jsonAnswer(200, writeJson(toWire(state)), view.revision);
    return errorAnswer(isOriginalClient(request) ? 503 : 404, ABSENT);
  }
}

function toWire(state: StateRecord): unknown {
  return {
    ...(state.hash !== '' && { hash: state.hash }),
    ...(state.machine !== '' && { machineID: state.machine }),
    name: state.unit,
    ...(state.active !== '' && { systemdActiveState: state.active }),
    ...(state.load !== '' && { systemdLoadState: state.load }),
    ...(state.sub !== '' && { systemdSubState: state.sub }),
  };
}
