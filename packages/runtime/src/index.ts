export { backoffDelayMs, retryWithBackoff, type BackoffOptions, type RetryOptions } from './backoff.ts';
export { systemClock, type Clock } from './clock.ts';
export { isAbort, runComponents, shutdownReason, type Component } from './component.ts';
export { withDeadline, type DeadlineOptions } from './deadline.ts';
export { describeError, FleetError, isFleetError, type ErrorKind, type FleetErrorOptions } from './errors.ts';
export { keepLease, type LeaseKeeperOptions } from './lease-keeper.ts';
export { createLimiter, type Limiter } from './limiter.ts';
export { createLogger, silentLogger, type LogFields, type LogFormat, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { Wakeup } from './wakeup.ts';
