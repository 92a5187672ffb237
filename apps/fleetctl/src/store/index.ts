export { connectToStore } from './connect-to-store.ts';
