import { connect } from 'node:net';
import { systemErrorText } from '@fleet/api-client/fast';
import type { CommandModule } from '../cli/definition.ts';

/** Copies both ways until the socket ends; the end of the input is passed on and does not lose the answer. */
export const run: CommandModule['run'] = async (context, _flags, args) => {
  const [path, ...others] = args;
  if (path === undefined || others.length > 0) {
    context.stderr.write('Provide a single argument\n');
    return 1;
  }
  return await new Promise<number>((resolve) => {
    const socket = connect({ path, allowHalfOpen: true });
    let connected = false;
    const fail = (error: Error): void => {
      context.stderr.write(connected ? `Encountered error during copy: ${systemErrorText(error)}\n` : `Failed dialing remote address: dial unix ${path}: connect: ${systemErrorText(error)}\n`);
      process.stdin.destroy();
      resolve(1);
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      connected = true;
      process.stdin.on('error', fail).pipe(socket);
      socket.pipe(process.stdout);
      // The other end of the output may be gone: then there is nobody to copy for.
      process.stdout.on('error', () => socket.destroy());
      socket.once('end', () => socket.end());
      socket.once('close', () => {
        process.stdin.destroy();
        resolve(0);
      });
    });
  });
};
