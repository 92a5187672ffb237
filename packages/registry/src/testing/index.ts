export { describeStoreContract, type StoreUnderTest } from './store-contract.ts';
