import { createRequire } from 'node:module';

/** oclif is CommonJS. Bundled into ES modules it looks for a global `require` to get Node's own modules with. */
export function provideRequire(): void {
  const holder = globalThis as { require?: NodeJS.Require };
  holder.require ??= createRequire(import.meta.url);
}
