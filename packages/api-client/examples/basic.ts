import { createFleetClient, waitForUnits } from '@fleet/api-client';

// With `npm run demo` running, its socket; elsewhere wherever fleetd listens.
const endpoint = process.env['FLEETCTL_ENDPOINT'] ?? 'unix:///var/run/fleet.sock';
using client = createFleetClient({ connection: { endpoint } });

try {
  const { machines } = await client.listMachines();
  console.log('machines:', machines.map((machine) => machine.id.slice(0, 8)).join(' '));

  const options = [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 60' }];
  await client.submitUnits({ units: [{ name: 'example.service', options, desiredState: 'launched' }] });

  const { reached, failures } = await waitForUnits(client, {
    goals: new Map([['example.service', 'launched']]),
    limitMs: 10_000,
    onProgress: (name, how) => console.log(name, how.kind),
  });
  for (const { name, machine } of reached) console.log(name, 'runs on', machine?.id.slice(0, 8));
  for (const { name, reason } of failures) console.log(name, 'does not run:', reason);

  await client.destroyUnits({ names: ['example.service'] });
} catch (error) {
  console.log(`cannot reach a fleet at ${endpoint}:`, error instanceof Error ? error.message : error);
}
