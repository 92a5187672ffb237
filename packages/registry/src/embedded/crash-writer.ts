import { writeSync } from 'node:fs';
import { createEmbeddedStore } from './index.ts';

// A program for the tests: writes for ever and tells on standard output what the store has acknowledged, one number a line,
// until someone kills it. `node crash-writer.ts FILE`

const [, , path = ''] = process.argv;
const store = createEmbeddedStore({ path });
const { id: lease } = await store.grantLease(60_000);
writeSync(1, `lease ${lease}\n`);
let next = 0;

async function writer(): Promise<never> {
  for (;;) {
    const number = next;
    next += 1;
    await store.transaction({
      compare: [{ kind: 'create-revision', key: `/n/${number}`, equals: 0 }],
      operations: [
        { kind: 'put', key: `/n/${number}`, value: String(number) },
        { kind: 'put', key: `/pair/${number}`, value: String(number) },
        { kind: 'put', key: '/last', value: String(number), lease },
      ],
    });
    // Synchronous, so that a line which the reader sees was written after the acknowledgement and before the kill.
    writeSync(1, `${number}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, writer));
