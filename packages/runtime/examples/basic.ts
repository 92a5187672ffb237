import { createLogger, retryWithBackoff, runComponents, shutdownReason, systemClock, Wakeup, type Component } from '@fleet/runtime';

// Two components: one works whenever it is woken, the other wakes it and then ends everything.
const logger = createLogger({ level: () => 'info', format: 'text', write: (line) => console.log(line) });
const ending = new AbortController();
const wakeup = new Wakeup();

const worker: Component = {
  name: 'worker',
  run: async (signal) => {
    let passes = 0;
    for (;;) {
      await wakeup.wait(signal);
      const attempts = await retryWithBackoff(() => (passes++ === 0 ? Promise.reject(new Error('not yet')) : Promise.resolve(passes)), { initialMs: 1, maxMs: 10, clock: systemClock, signal });
      logger.info('pass done', { attempts });
      ending.abort(shutdownReason);
    }
  },
};
const waker: Component = {
  name: 'waker',
  run: async (signal) => {
    wakeup.wake();
    wakeup.wake(); // Many wake-ups are one.
    await systemClock.sleep(60_000, { signal });
  },
};

await runComponents([worker, waker], ending.signal);
logger.info('ended in good order');
