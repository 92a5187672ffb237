export { describeOnEtcd } from './describe-on-etcd.ts';
export { describeStoreContract, type StoreUnderTest } from './store-contract.ts';
export { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';
export { etcdIsUsable, hasEtcd, startTestEtcd, type TestEtcd, type TestEtcdOptions } from './test-etcd.ts';
