import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What ssh runs when it has a question. It asks on standard error and takes the answer to a yes/no question from the command line's own standard
 * input, byte by byte, so that what follows there is left for the remote command. Anything else, a password say, only a terminal may answer.
 */
const SCRIPT = `#!/bin/sh
printf '%s' "$1" >&2
case $1 in
  *yes/no*)
    if [ -e "$FLEETCTL_STDIN" ]; then IFS= read -r answer <"$FLEETCTL_STDIN" || exit 1
    else IFS= read -r answer || exit 1; fi
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

/** Environment that lets ssh ask through standard input when that is not a terminal; removed again when disposed of. */
export function createAskpass(): Askpass {
  const folder = mkdtempSync(join(tmpdir(), 'fleetctl-'));
  const file = join(folder, 'askpass');
  writeFileSync(file, SCRIPT);
  chmodSync(file, 0o700);
  return {
    env: { SSH_ASKPASS: file, SSH_ASKPASS_REQUIRE: 'force', FLEETCTL_STDIN: `/proc/${process.pid}/fd/0` },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
