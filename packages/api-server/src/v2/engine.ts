import type { EngineStatus } from '@fleet/api';
import { FleetError } from '@fleet/runtime';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import { jsonAnswer, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';

/** What the API asks of the engine in the same daemon. */
export interface EnginePort {
  readonly leads: () => boolean;
  /** Set while evacuation is paused. */
  readonly evacuationPaused: () => EngineStatus['evacuationPaused'];
  /** Goes on with the evacuation; false when there is nothing to go on with. */
  readonly confirmEvacuation: () => boolean;
}

/** A daemon that runs no engine. */
export const NO_ENGINE: EnginePort = { leads: () => false, evacuationPaused: () => null, confirmEvacuation: () => false };

/** The engine resource of version 2. */
export class V2Engine {
  readonly #cache: ClusterCache;
  readonly #engine: EnginePort;

  constructor(cache: ClusterCache, engine: EnginePort) {
    this.#cache = cache;
    this.#engine = engine;
  }

  async get(request: ApiRequest): Promise<Answer> {
    const view = await this.#cache.acquire(request);
    const leader = view.mirror.records('leader').get('leader')?.machine ?? null;
    const leads = this.#engine.leads();
    const status: EngineStatus = {
      revision: view.revision,
      ...(leader !== null && { leader }),
      leads,
      evacuationPaused: leads ? this.#engine.evacuationPaused() : null,
    };
    return jsonAnswer(200, JSON.stringify(status), view.revision);
  }

  confirmEvacuation(): Answer {
    if (!this.#engine.leads()) {
      throw new FleetError('this machine does not lead', { code: 'NOT_LEADER', kind: 'conflict', remedy: 'GET /fleet/v2/engine names the leader; ask that machine' });
    }
    if (!this.#engine.confirmEvacuation()) throw new FleetError('no evacuation is paused', { code: 'EVACUATION_NOT_PAUSED', kind: 'conflict' });
    return { status: 204 };
  }
}
