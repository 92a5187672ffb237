// `npm run demo` as a newcomer runs it, after the build.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { repository } from '../src/built.ts';
import { describeRealMachines } from '../src/machines/real-test.ts';
import { clusterKind } from '../src/scenario.ts';

const run = promisify(execFile);

interface Demo {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exitCode: Promise<number | null>;
}

const started: Demo[] = [];

function startDemo(...args: readonly string[]): Demo {
  const child = spawn(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', 'tools/dev-cluster/src/main.ts', ...args], {
    cwd: repository,
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const demo = { child, output: () => text, exitCode: new Promise<number | null>((resolve) => child.once('close', resolve)) };
  started.push(demo);
  return demo;
}

afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
});

function expectShown(output: string): void {
  expect(output).toMatch(/Unit hello\.service launched on [0-9a-f]{8}\.\.\./);
  expect(output).toMatch(/^MACHINE\s+IP\s+METADATA\n([0-9a-f]{8}\.\.\.\s.*\n){3}/m);
  expect(output).toMatch(/^hello\.service\s+[0-9a-f]{8}\.\.\.\S*\s+active\s+running$/m);
  expect(output).toMatch(/^hello\.service\s+[0-9a-f]{7}\s+launched\s+launched\s+/m);
  expect(output).toContain('hello.service says: Hello, fleet');
}

if (clusterKind === 'in-process') {
  describe('the demo', () => {
    it('shows a running hello.service and ends by itself with --once, two at a time', async () => {
      const demos = [startDemo('--once'), startDemo('--once')];
      for (const demo of demos) {
        expect(await demo.exitCode).toBe(0);
        expectShown(demo.output());
      }
    }, 60_000);

    it('says how to go on, runs until interrupted, and then ends its units', async () => {
      const demo = startDemo();
      await waitUntil('the demo to be shown', () => demo.output().includes('Stop:'), { deadlineMs: 40_000 });
      const endpoint = /FLEETCTL_ENDPOINT=(\S+)/.exec(demo.output())?.[1];
      expect(endpoint).toMatch(/^unix:\/\/.*\/m1\/fleet\.sock$/);
      // As the README of the client says.
      const { stdout } = await run(process.execPath, ['packages/api-client/examples/basic.ts'], { cwd: repository, env: { ...process.env, NODE_OPTIONS: '', FLEETCTL_ENDPOINT: endpoint }, timeout: 20_000 });
      expect(stdout).toMatch(/^machines: ([0-9a-f]{8} ?){3}\n(.*\n)*example\.service runs on [0-9a-f]{8}\n$/);
      demo.child.kill('SIGINT');
      expect(await demo.exitCode).toBe(0);
      expectShown(demo.output());
    }, 60_000);

    it('refuses options it does not know', async () => {
      const demo = startDemo('--fast');
      expect(await demo.exitCode).toBe(1);
      expect(demo.output()).toContain("'--fast'");
    }, 20_000);
  });
} else {
  describeRealMachines('the demo on real machines', () => {
    it('shows a running hello.service and ends by itself with --once', async () => {
      const demo = startDemo('--real', '--once');
      const code = await demo.exitCode;
      expectShown(demo.output());
      expect(code).toBe(0);
    }, 90_000);
  });
}
