import type { ChildProcess } from 'node:child_process';
import { chmodSync, closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

/** Hands over the next line of the standard input and not a byte more; an empty one at its end. */
const NEXT_LINE = String.raw`IFS= read -r line; printf '%s\n' "$line" | tr -d '\r'`;

/**
 * Lets ssh ask through this process's standard input when that is no terminal: yes/no questions are answered by its next line, read byte by byte
 * so that what follows is left for the remote command. A shell reads it, which can be ended: an input that never says anything must not hold up
 * deadlines, nor the end of this process. Dispose of it when ssh has ended.
 */
export async function createAskpass(): Promise<Askpass> {
  const { execFileSync, spawn } = await import('node:child_process');
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
  const readers = new Set<ChildProcess>();
  asked.on('data', () => {
    const reader = spawn('sh', ['-c', NEXT_LINE], { stdio: ['inherit', answer, 'ignore'] });
    readers.add(reader);
    reader.once('close', () => readers.delete(reader));
    // Without a shell nobody can answer.
    reader.once('error', () => writeSync(answer, '\n'));
  });
  asked.unref();
  return {
    env: { SSH_ASKPASS: script, SSH_ASKPASS_REQUIRE: 'force', FLEETCTL_QUESTIONS: questions, FLEETCTL_ANSWERS: answers },
    [Symbol.dispose]: () => {
      for (const reader of readers) reader.kill();
      asked.destroy();
      closeSync(answer);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
