export { FakeClock } from './fake-clock.ts';
export { waitUntil } from './wait-until.ts';
