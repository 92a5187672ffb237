import type { z } from 'zod';

/** For `satisfies`: a schema of all members of `T`. `z.ZodType<T>` alone lets a schema forget an optional one, which clients that check would then lose. */
export type SchemaOf<T> = z.ZodType<T> & { readonly shape: Readonly<Record<keyof T, z.ZodType>> };
