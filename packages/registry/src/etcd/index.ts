export type { TlsOptions } from './connection.ts';
export { createEtcdStore, type EtcdStore, type EtcdStoreOptions } from './etcd-store.ts';
