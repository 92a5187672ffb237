import { buildOpenApi, submitRequestSchema, unitListSchema } from '@fleet/api';
import { resolveV1Path, v2Paths } from '@fleet/api/wire';

// Which resource a path of version 1 names, once decoded.
console.log(resolveV1Path('/fleet/v1/units/web@1.service'));

// What a server says, checked against the contract.
const list = unitListSchema.parse({
  revision: 7,
  units: [{ name: 'web@1.service', hash: '0'.repeat(40), desiredState: 'launched', currentState: 'launched', machineID: 'm1', global: false, generation: 1 }],
});
console.log(v2Paths.units, list.units[0]?.name);

// What a client may not send, with the place.
const bad = submitRequestSchema.safeParse({ units: [{ name: 'a.service', text: '[Service]\n', desiredState: 'running' }] });
console.log(bad.error?.issues[0]?.path.join('.'));

// The same schemas as OpenAPI 3.1.
console.log(Object.keys(buildOpenApi('1.0.0').paths as object).length, 'paths');
