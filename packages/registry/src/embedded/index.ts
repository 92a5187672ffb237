export { createEmbeddedStore, createMemoryStore, type EmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts';
