import type { ClusterCache } from '../cache/cluster-cache.ts';
import type { ClusterView } from '../cache/cluster-view.ts';
import { KeptAnswers } from '../cache/kept-answers.ts';
import { errorAnswer, jsonAnswer, type Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/api-request.ts';
import { parsePageToken, type PageToken } from '../http/page-token.ts';

export interface V1Page {
  readonly resource: 'machines' | 'states' | 'units';
  /** Each as JSON. */
  readonly items: readonly string[];
  /** Token of the next page. */
  readonly next: string | undefined;
}

/** A page as the original writes it: members in alphabetical order, empty ones left out. */
export function pageJson({ resource, items, next }: V1Page): string {
  const list = items.length === 0 ? [] : [`"${resource}":[${items.join(',')}]`];
  const token = next === undefined ? [] : [`"nextPageToken":"${next}"`];
  return `{${(resource < 'nextPageToken' ? [...list, ...token] : [...token, ...list]).join(',')}}`;
}

export interface V1ListingOptions {
  readonly cache: ClusterCache;
  readonly tokenLimit: number;
}

/** A `GET` of all of a resource, page by page. Each page is made once until something changes in the cluster. */
export class V1Listing {
  readonly #options: V1ListingOptions;
  readonly #page: (view: ClusterView, request: ApiRequest, token: PageToken) => V1Page | Promise<V1Page>;
  readonly #kept = new KeptAnswers();

  constructor(options: V1ListingOptions, page: (view: ClusterView, request: ApiRequest, token: PageToken) => V1Page | Promise<V1Page>) {
    this.#options = options;
    this.#page = page;
  }

  async answer(request: ApiRequest): Promise<Answer> {
    const { cache, tokenLimit } = this.#options;
    const token = parsePageToken(request.query.get('nextPageToken') ?? [], tokenLimit);
    if (!token.ok) return errorAnswer(400, token.message);
    const view = await cache.acquire(request);
    // Taken before anything is waited for: what is answered is at least as new as it says.
    const { revision } = view;
    return await this.#kept.get(JSON.stringify([...request.query]), revision, async () => {
      const page = await this.#page(view, request, { size: tokenLimit, page: token.page });
      return jsonAnswer(200, Buffer.from(pageJson(page)), revision);
    });
  }
}
