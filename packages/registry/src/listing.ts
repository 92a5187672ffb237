import type { CallOptions, KeyValue, RangeRequest, Store } from './store.ts';

/** Items per page: some hundreds of kilobytes for records. */
const PAGE = 2_000;

/** Reads a whole prefix in pages, all as of one revision: that of the first page unless `request` names one. */
export async function listAll(store: Store, request: Omit<RangeRequest, 'limit' | 'startAfter'>, options?: CallOptions): Promise<{ readonly items: readonly KeyValue[]; readonly revision: number }> {
  const items: KeyValue[] = [];
  let { revision } = request;
  let startAfter: string | undefined;
  for (;;) {
    const page = await store.range({ ...request, revision, startAfter, limit: PAGE }, options);
    revision = page.revision;
    for (const item of page.items) items.push(item);
    startAfter = page.items.at(-1)?.key;
    if (!page.more) return { items, revision };
  }
}
