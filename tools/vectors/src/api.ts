import { createMemoryStore } from '@fleet/registry/embedded';
import { runApiCase } from '@fleet/api-server/testing';
import { serveFromDaemon } from '@fleet/daemon/testing';

import { failed, type Outcome, PASSED } from './outcome.ts';
import { runEach } from './run-each.ts';

/** Each case gets a daemon and an embedded registry of its own, and goes over a socket byte by byte. */
export const runner = runEach(
  'api.jsonl',
  (fields) => fields.string('id'),
  async (fields): Promise<Outcome> => {
    await using store = createMemoryStore();
    const outcome = await runApiCase(fields.all(), { store, prefix: '/fleet/', serve: serveFromDaemon });
    switch (outcome.kind) {
      case 'passed':
        return PASSED;
      case 'failed':
        return failed(outcome.differences.join('\n'));
      case 'departed':
        return { kind: 'departed', difference: outcome.differences.join('\n'), rule: outcome.rule };
    }
  },
);
