/** How often a unit may be started in a span of time. Source: systemd `ratelimit_below`: a fixed window from its first start. */
export class StartLimit {
  #windowStartMs = 0;
  #count = 0;

  /** Whether another start is within the limit; counts it if so. */
  take(limit: { readonly intervalMs: number; readonly burst: number }, nowMs: number): boolean {
    if (limit.intervalMs <= 0 || limit.burst <= 0) return true;
    if (this.#count === 0 || nowMs - this.#windowStartMs > limit.intervalMs) {
      this.#windowStartMs = nowMs;
      this.#count = 0;
    }
    if (this.#count >= limit.burst) return false;
    this.#count += 1;
    return true;
  }

  reset(): void {
    this.#count = 0;
  }
}
