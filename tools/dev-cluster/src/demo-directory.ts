import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest path of a unix socket (`sun_path`), with its end mark, on the systems we know. */
const maxSocketPath = 103;
const longestName = '/m99/fleet.sock'.length;

export interface DemoDirectory {
  /** Everything of this run; stays after the end, for the output of units, until another demo is started. */
  readonly path: string;
  /** Where the machines live: the same directory, or a short way to it when its path is too long for sockets. */
  readonly machines: string;
  /** Holds a `fleetctl` that talks to this cluster. */
  readonly bin: string;
  /** Removes what has no use without the running cluster. */
  close(): void;
}

/**
 * Makes `<root>/.fleet-demo/<process id>`; removes those of earlier runs whose process is gone, so that only the last one's
 * output is kept.
 */
export function createDemoDirectory(root: string): DemoDirectory {
  const home = join(root, '.fleet-demo');
  mkdirSync(home, { recursive: true });
  for (const name of readdirSync(home)) if (/^\d+$/.test(name) && !isAlive(Number(name))) rmSync(join(home, name), { recursive: true, force: true });
  const path = join(home, String(process.pid));
  rmSync(path, { recursive: true, force: true });
  const bin = join(path, 'bin');
  mkdirSync(bin, { recursive: true });
  let shortcut: string | undefined;
  if (Buffer.byteLength(path) + longestName > maxSocketPath) {
    shortcut = mkdtempSync(join(tmpdir(), 'fleet-demo-'));
    symlinkSync(path, join(shortcut, 'demo'));
  }
  return {
    path,
    bin,
    machines: shortcut === undefined ? path : join(shortcut, 'demo'),
    close: () => {
      rmSync(bin, { recursive: true, force: true });
      if (shortcut !== undefined) rmSync(shortcut, { recursive: true, force: true });
    },
  };
}

/** Writes an executable shell script. */
export function writeScript(path: string, lines: readonly string[]): void {
  writeFileSync(path, `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
}

/** A word as the shell takes it literally. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
