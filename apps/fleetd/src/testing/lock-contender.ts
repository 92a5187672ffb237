import { isFleetError } from '@fleet/runtime';
import { lockInstance } from '../instance-lock.ts';

// A process that tries to take the lock of a directory at the moment it is told, says how that went, and lives on.
const [directory = ''] = process.argv.slice(2);
process.on('message', (at: number) => {
  while (Date.now() < at);
  try {
    const unlock = lockInstance(directory);
    process.on('disconnect', unlock);
    process.send?.('taken');
  } catch (error) {
    process.send?.(isFleetError(error, 'ALREADY_RUNNING') ? error.message : `unexpected: ${String(error)}`);
  }
});
process.send?.('ready');
