import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A shell that knows the running process groups and ends them when this process dies, however that happens: it reads
 * `+ ID` and `- ID` from a pipe, and the end of the pipe is our end. Sessions of their own keep it and the units out of
 * reach of a Ctrl-C meant for us. Its `kill` has no `--` because dash knows none.
 */
const SCRIPT = `
trap '' HUP INT TERM PIPE
groups=' '
while read -r op id; do
  case $op in
    +) groups="$groups$id " ;;
    -) groups="\${groups%% $id *} \${groups#* $id }" ;;
  esac
done
[ "$groups" = ' ' ] && exit 0
for id in $groups; do kill -TERM "-$id" 2>/dev/null; done
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  left=
  for id in $groups; do kill -0 "-$id" 2>/dev/null && left=1; done
  [ -z "$left" ] && exit 0
  sleep 0.1
done
for id in $groups; do kill -KILL "-$id" 2>/dev/null; done
`;

export class Guard {
  readonly #groups = new Set<number>();
  #shell: ChildProcess | undefined;

  add(group: number): void {
    this.#groups.add(group);
    this.#running().stdin?.write(`+ ${group}\n`);
  }

  remove(group: number): void {
    if (this.#groups.delete(group)) this.#shell?.stdin?.write(`- ${group}\n`);
  }

  /** Lets the shell go; groups it still knows are ended by it. */
  close(): void {
    const shell = this.#shell;
    this.#shell = undefined;
    shell?.stdin?.end();
  }

  #running(): ChildProcess {
    if (this.#shell !== undefined) return this.#shell;
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'fleet-guard'], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
    // Someone may kill it: the next unit then gets a new one, which learns all groups again.
    const gone = (): void => {
      if (this.#shell === shell) this.#shell = undefined;
    };
    shell.once('exit', gone);
    shell.once('error', gone);
    shell.stdin.on('error', gone);
    shell.unref();
    if ('unref' in shell.stdin) (shell.stdin as unknown as { unref(): void }).unref();
    this.#shell = shell;
    for (const group of this.#groups) shell.stdin.write(`+ ${group}\n`);
    return shell;
  }
}
