import { spawn } from 'node:child_process';
import { describeError, type Clock, type Logger } from '@fleet/runtime';

/** Tells the service manager how this process is doing. */
export interface ServiceNotifier {
  ready(status: string): void;
  reloading(): void;
  stopping(): void;
  status(text: string): void;
  /** Feeds the watchdog as long as `isWell` says so; returns the function that ends it. */
  watch(isWell: () => boolean): () => void;
  /** Resolves when everything told so far has been sent. */
  flush(): Promise<void>;
}

const SILENT: ServiceNotifier = {
  ready: () => undefined,
  reloading: () => undefined,
  stopping: () => undefined,
  status: () => undefined,
  watch: () => () => undefined,
  flush: () => Promise.resolve(),
};

const SEND_DEADLINE_MS = 5000;

/**
 * Speaks sd_notify through `systemd-notify`, since Node has no datagram sockets in the file system. The service needs
 * `NotifyAccess=all`. Silent when no service manager listens.
 */
export function createNotifier(env: Readonly<Record<string, string | undefined>>, clock: Clock, logger: Logger): ServiceNotifier {
  if (env.NOTIFY_SOCKET === undefined || env.NOTIFY_SOCKET === '') return SILENT;
  let last: Promise<void> = Promise.resolve();
  // One after the other: the order is what the messages mean.
  const send = (...args: string[]): void => {
    last = last.then(() =>
      run(args, env).catch((error: unknown) => {
        logger.warn('the service manager was not told', { message: args.join(' '), error: describeError(error) });
      }),
    );
  };
  return {
    ready: (status) => {
      send('--ready', `--status=${status}`);
    },
    reloading: () => {
      send('RELOADING=1');
    },
    stopping: () => {
      send('STOPPING=1');
    },
    status: (text) => {
      send(`--status=${text}`);
    },
    watch: (isWell) => watchdog(env, clock, isWell, send),
    flush: () => last,
  };
}

function watchdog(env: Readonly<Record<string, string | undefined>>, clock: Clock, isWell: () => boolean, send: (message: string) => void): () => void {
  const everyMs = Number(env.WATCHDOG_USEC) / 2000;
  const forOther = env.WATCHDOG_PID !== undefined && Number(env.WATCHDOG_PID) !== process.pid;
  if (!(everyMs > 0) || forOther) return () => undefined;
  let cancel = (): void => undefined;
  const beat = (): void => {
    if (isWell()) send('WATCHDOG=1');
    cancel = clock.schedule(everyMs, beat);
  };
  beat();
  return () => {
    cancel();
  };
}

async function run(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // Not spawn's own `timeout`: its timer goes on when the program could not be started, and keeps the process alive.
    const child = spawn('systemd-notify', args, { env, stdio: 'ignore', signal: AbortSignal.timeout(SEND_DEADLINE_MS) });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`systemd-notify ended with ${code ?? 'a signal'}`));
    });
  });
}
