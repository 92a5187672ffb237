export { FakeClock } from './fake-clock.ts';
export { createRandom, type Random } from './random.ts';
export { waitUntil } from './wait-until.ts';
