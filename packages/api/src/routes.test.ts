import { describe, expect, it } from '@jest/globals';
import { resolveV1Path, v1Paths } from './routes.ts';

describe('resolveV1Path', () => {
  it.each([
    ['/', { resource: 'root' }],
    ['/fleet/v1', { resource: 'root' }],
    ['/v1-alpha', { resource: 'root' }],
    ['/metrics', { resource: 'metrics' }],
    ['/metrics/', null],
    ['/fleet/v1/', null],
    ['/fleet/v1x/units', null],
    ['/fleet/v1/units', { resource: 'units' }],
    ['/v1-alpha/units', { resource: 'units' }],
    ['/fleet/v1/units/', null],
    ['/fleet/v1/units/a b.service', { resource: 'unit', name: 'a b.service' }],
    ['/fleet/v1/units/a/b.service', null],
    ['/fleet/v1/state', { resource: 'states' }],
    ['/fleet/v1/state/a.service', { resource: 'state', name: 'a.service' }],
    ['/fleet/v1/machines', { resource: 'machines' }],
    ['/fleet/v1/machines/x', null],
    ['/fleet/v1/discovery', { resource: 'discovery' }],
    ['/fleet/v1/discovery/', null],
    ['/fleet/v3/units', null],
  ])('%s', (path, expected) => {
    expect(resolveV1Path(path)).toEqual(expected);
  });

  it('builds paths that it resolves to the same name', () => {
    const name = 'a\\x2d@1.service';
    expect(resolveV1Path(decodeURIComponent(v1Paths.unit(name)))).toEqual({ resource: 'unit', name });
  });
});
