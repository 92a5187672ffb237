import type { StateRecord } from '@fleet/registry';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import type { ClusterView } from '../cache/cluster-view.ts';
import { compareBytes } from '../cache/sorted-names.ts';
import { errorAnswer, jsonAnswer, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';
import { writeJson } from '../http/json-write.ts';
import { cutPage, type PageToken } from '../http/page-token.ts';
import { isOriginalClient } from './original-client.ts';
import { V1Listing, type V1ListingOptions, type V1Page } from './page.ts';

const ABSENT = 'unit state does not exist';

/** The state resource of version 1 (as fleet `api/state.go`). */
export class V1States {
  readonly #cache: ClusterCache;
  readonly #listing: V1Listing;

  constructor(options: V1ListingOptions) {
    this.#cache = options.cache;
    this.#listing = new V1Listing(options, statesPage);
  }

  async list(request: ApiRequest): Promise<Answer> {
    return await this.#listing.answer(request);
  }

  /**
   * One report; of several the one from the lowest machine id. The original's command line crashes on a 404 here, so it
   * gets a 503, which it takes for a passing failure and asks again.
   */
  async get(request: ApiRequest): Promise<Answer> {
    const view = await this.#cache.acquire(request);
    const [machine] = [...view.statesOf(request.name).keys()].sort(compareBytes);
    const state = machine === undefined ? undefined : view.state(request.name, machine);
    if (state !== undefined) return jsonAnswer(200, writeJson(toWire(state)), view.revision);
    return errorAnswer(isOriginalClient(request) ? 503 : 404, ABSENT);
  }
}

function statesPage(view: ClusterView, request: ApiRequest, token: PageToken): V1Page {
  const unit = request.query.get('unitName')?.[0] ?? '';
  const machine = request.query.get('machineID')?.[0] ?? '';
  const keys =
    unit === ''
      ? view.stateKeys.all.filter((key) => machine === '' || key.endsWith(` ${machine}`))
      : [...view.statesOf(unit).keys()].filter((id) => machine === '' || id === machine).sort(compareBytes).map((id) => `${unit} ${id}`);
  const { items, next } = cutPage(keys, token);
  const states = items.flatMap((key) => {
    const at = key.lastIndexOf(' ');
    const state = view.state(key.slice(0, at), key.slice(at + 1));
    return state === undefined ? [] : [writeJson(toWire(state))];
  });
  return { resource: 'states', items: states, next };
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
