import type { CallOptions, KeyValue, RangeRequest, Store } from './store.ts';

/** Items per page: some hundreds of kilobytes for records. */
const PAGE = 2_000;

export interface ListingPage {
  readonly items: readonly KeyValue[];
  /** The same for all pages. */
  readonly revision: number;
}

export type ListingRequest = Omit<RangeRequest, 'limit' | 'startAfter'>;

/** Reads a whole prefix in pages, all as of one revision: that of the first page unless `request` names one. */
export async function* listPages(store: Store, request: ListingRequest, options?: CallOptions): AsyncGenerator<ListingPage, void> {
  let { revision } = request;
  let startAfter: string | undefined;
  for (;;) {
    const page = await store.range({ ...request, revision, startAfter, limit: PAGE }, options);
    ({ revision } = page);
    yield { items: page.items, revision };
    if (!page.more) return;
    startAfter = page.items.at(-1)?.key;
  }
}

/** The same in one piece. */
export async function listAll(store: Store, request: ListingRequest, options?: CallOptions): Promise<ListingPage> {
  const items: KeyValue[] = [];
  let revision = 0;
  for await (const page of listPages(store, request, options)) {
    ({ revision } = page);
    for (const item of page.items) items.push(item);
  }
  return { items, revision };
}
