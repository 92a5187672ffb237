export * from './core.ts';
export { hashText, hashUnitFile } from './node-hash.ts';
