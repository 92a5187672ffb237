import { afterEach, beforeEach } from '@jest/globals';
import { FleetError } from '@fleet/runtime';
import { SLEEP, TestMachine } from './machine.ts';

/** Another text than {@link SLEEP}. */
export const OTHER = '[Service]\nExecStart=/bin/sleep 1000\n';
/** What calls fail with while the store is away. */
export const AWAY = new FleetError('the store does not answer', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' });

/** A text with these options of fleet. */
export function fleet(options: string, base = SLEEP): string {
  return `${base}[X-Fleet]\n${options}\n`;
}

/** Gives each test of the file a machine of its own, and closes it afterwards. */
export function onFreshMachine(take: (machine: TestMachine) => void): void {
  let machine: TestMachine;
  beforeEach(() => {
    machine = new TestMachine();
    take(machine);
  });
  afterEach(async () => {
    await machine.close();
  });
}

/** The same, but for these methods. */
export function overriding<T extends object>(inner: T, methods: Partial<T>): T {
  return new Proxy(inner, {
    get: (target, key) => {
      const value: unknown = Reflect.get(key in methods ? methods : target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
