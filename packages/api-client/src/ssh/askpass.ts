import { chmodSync, closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode } from '../errors.ts';

/**
 * What ssh runs when it has a question. Its own standard input may be a socket of ssh's, so for a yes/no question it asks back through two
 * pipes. Anything else, a password say, only a terminal may answer.
 */
const SCRIPT = `#!/bin/sh
printf '%s' "$1" >&2
case $1 in
  *yes/no*)
    echo question >"$FLEETCTL_QUESTIONS" || exit 1
    IFS= read -r answer <"$FLEETCTL_ANSWERS" || exit 1
    case $answer in [Yy]|[Yy][Ee][Ss]) echo yes ;; *) echo no ;; esac ;;
  *)
    [ -r /dev/tty ] || exit 1
    saved=$(stty -g </dev/tty) && stty -echo </dev/tty || exit 1
    IFS= read -r answer </dev/tty; status=$?
    stty "$saved" </dev/tty; echo >&2
    [ $status = 0 ] || exit 1
    printf '%s\\n' "$answer" ;;
esac
`;

export interface Askpass extends Disposable {
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Lets ssh ask through this process's standard input when that is no terminal: yes/no questions are answered by its next line, read byte by byte
 * so that what follows is left for the remote command. Dispose of it when ssh has ended.
 */
export async function createAskpass(): Promise<Askpass> {
  const { execFileSync } = await import('node:child_process');
  const folder = mkdtempSync(join(tmpdir(), 'fleetctl-'));
  const script = join(folder, 'askpass');
  writeFileSync(script, SCRIPT);
  chmodSync(script, 0o700);
  const [questions, answers] = [join(folder, 'questions'), join(folder, 'answers')];
  execFileSync('mkfifo', [questions, answers]);
  // Opened for both directions, a pipe neither blocks nor ends with its last writer.
  const open = (path: string): number => openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const answer = open(answers);
  const asked = new Socket({ fd: open(questions), readable: true, writable: false });
  asked.on('data', () => writeSync(answer, `${readLine(0)}\n`));
  asked.unref();
  return {
    env: { SSH_ASKPASS: script, SSH_ASKPASS_REQUIRE: 'force', FLEETCTL_QUESTIONS: questions, FLEETCTL_ANSWERS: answers },
    [Symbol.dispose]: () => {
      asked.destroy();
      closeSync(answer);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The next line of a descriptor, and not a byte more; empty at its end. */
function readLine(descriptor: number): string {
  const byte = Buffer.alloc(1);
  let line = '';
  for (;;) {
    try {
      if (readSync(descriptor, byte, 0, 1, null) === 0 || byte[0] === 0x0a) return line.replace(/\r$/, '');
      line += byte.toString('latin1');
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') return line;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
