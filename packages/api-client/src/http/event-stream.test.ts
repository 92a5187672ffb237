import { describe, expect, it } from '@jest/globals';
import { readEventStream, type ServerSentEvent } from './event-stream.ts';

async function read(text: string, size: number): Promise<ServerSentEvent[]> {
  const bytes = Buffer.from(text);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const events: ServerSentEvent[] = [];
  for await (const event of readEventStream(chunks())) events.push(event);
  return events;
}

const CASES: readonly { name: string; text: string; expected: ServerSentEvent[] }[] = [
  { name: 'event, data and id', text: 'event: unit\ndata: {"a":1}\nid: 7\n\n', expected: [{ event: 'unit', data: '{"a":1}', id: '7' }] },
  { name: 'several lines of data', text: 'data: a\ndata:b\n\n', expected: [{ event: 'message', data: 'a\nb', id: '' }] },
  { name: 'comments and fields that mean nothing', text: ': alive\nretry: 5\n\nfoo\ndata: x\n\n', expected: [{ event: 'message', data: 'x', id: '' }] },
  { name: 'all kinds of line ends', text: 'data: a\r\n\r\ndata: b\r\rdata: c\n\n', expected: ['a', 'b', 'c'].map((data) => ({ event: 'message', data, id: '' })) },
  { name: 'characters of several bytes', text: 'data: grün → ☃\n\n', expected: [{ event: 'message', data: 'grün → ☃', id: '' }] },
  { name: 'an id only where it is given', text: 'data: a\nid: 1\n\ndata: b\n\n', expected: [{ event: 'message', data: 'a', id: '1' }, { event: 'message', data: 'b', id: '' }] },
  { name: 'nothing of an event that breaks off', text: 'data: a\n\ndata: half', expected: [{ event: 'message', data: 'a', id: '' }] },
];

describe('readEventStream', () => {
  for (const { name, text, expected } of CASES) {
    it(`reads ${name}, however it is cut`, async () => {
      for (const size of [1, 2, 5, 1000]) expect(await read(text, size)).toEqual(expected);
    });
  }
});
