import { defineConfig, type Options } from 'tsup';

/** Builds a published package: ESM, CJS and types for each entry below `src`. */
export function lib(entry: readonly string[], over: Options = {}): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry: Object.fromEntries(entry.map((file) => [file.replace(/^src\//, '').replace(/\.ts$/, ''), file])),
    format: ['esm', 'cjs'],
    dts: true,
    sourcemap: true,
    clean: true,
    target: 'node22',
    platform: 'node',
    treeshake: false,
    splitting: true,
    // `node:sqlite` has no name without its prefix.
    removeNodeProtocol: false,
    ...over,
  });
}
