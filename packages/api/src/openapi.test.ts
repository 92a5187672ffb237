import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildOpenApi } from './openapi.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly type?: string; readonly required?: readonly string[] }>> };
}

describe('buildOpenApi', () => {
  const document = buildOpenApi('1.2.3') as unknown as Document;

  it('describes every operation once', () => {
    const ids = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((operation) => operation.operationId));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(['listUnits', 'getUnit', 'listStates', 'listMachines', 'watchChanges', 'submitUnits', 'setUnitStates', 'destroyUnits']));
    expect(document.openapi).toBe('3.1.0');
  });

  it('refers only to components that exist', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!);
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) expect(document.components.schemas).toHaveProperty(reference);
    expect(JSON.stringify(document)).not.toMatch(/"\$ref":"(?!#\/components\/schemas\/)/);
  });

  it('takes the members from the schemas', () => {
    expect(document.components.schemas.UnitSummary?.required).toEqual(['name', 'hash', 'desiredState', 'currentState', 'global', 'generation']);
  });
});

describe('wire', () => {
  it('reaches no module that imports zod', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const source = readFileSync(join(import.meta.dirname, file), 'utf8');
      expect(source).not.toMatch(/from 'zod'/);
      for (const match of source.matchAll(/from '\.\/([\w-]+\.ts)'/g)) visit(match[1]!);
    };
    visit('wire.ts');
    expect(seen.size).toBeGreaterThan(3);
  });
});
