// A short chaos run with a fixed seed; "npm run chaos" is the long one.
import { expect } from '@jest/globals';
import { runChaos } from '../../src/chaos/run-chaos.ts';
import { describeRealScenarios, scenario } from '../../src/scenario.ts';

describeRealScenarios('chaos', { machines: 3, agentTtlMs: 5_000, config: ['shutdown=keep'] }, (cluster) => {
  scenario('random faults under a stream of commands break no promise', async () => {
    const lines: string[] = [];
    const report = await runChaos({ cluster: cluster(), seed: 20_260, durationMs: 25_000, roundMs: 25_000, say: (line) => lines.push(line) });
    if (report.violations.length > 0) throw new Error([...report.violations, '', ...lines].join('\n'));
    expect(report.acknowledged).toBeGreaterThan(5);
    expect(Object.keys(report.faults).length).toBeGreaterThan(3);
    expect(report.looks).toBeGreaterThan(10);
  }, 180_000);
});
