import { describe, expect, it } from '@jest/globals';
import { ResponseParser } from './response-parser.ts';

interface Parsed {
  status: number;
  body: string;
  reusable: boolean | undefined;
}

function parse(bytes: Buffer, chunkSize: number, close: boolean): Parsed {
  const result: Parsed = { status: 0, body: '', reusable: undefined };
  const parser = new ResponseParser({
    onHead: (head) => (result.status = head.status),
    onData: (chunk) => (result.body += chunk.toString('latin1')),
    onEnd: (reusable) => (result.reusable = reusable),
  });
  for (let at = 0; at < bytes.length; at += chunkSize) parser.write(bytes.subarray(at, at + chunkSize));
  if (close) parser.close();
  return result;
}

const RESPONSES: readonly { name: string; text: string; close?: boolean; expected: Parsed }[] = [
  { name: 'content length', text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', expected: { status: 200, body: 'hello', reusable: true } },
  { name: 'no content', text: 'HTTP/1.1 204 No Content\r\n\r\n', expected: { status: 204, body: '', reusable: true } },
  { name: 'empty', text: 'HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n', expected: { status: 201, body: '', reusable: true } },
  { name: 'chunks with extension and trailer', text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n', expected: { status: 200, body: 'abcde', reusable: true } },
  { name: 'until the connection closes', text: 'HTTP/1.0 200 OK\r\n\r\nall of it', close: true, expected: { status: 200, body: 'all of it', reusable: false } },
  { name: 'continue first', text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx', expected: { status: 200, body: 'x', reusable: true } },
  { name: 'connection close', text: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx', expected: { status: 200, body: 'x', reusable: false } },
  { name: 'no reason phrase', text: 'HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n', expected: { status: 404, body: '', reusable: true } },
];

const MALFORMED: readonly { name: string; text: string }[] = [
  { name: 'not HTTP', text: 'SSH-2.0-OpenSSH_9.2\r\n\r\n' },
  { name: 'bad length', text: 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n' },
  { name: 'bad chunk size', text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' },
  { name: 'chunk that does not end', text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n' },
  { name: 'header without colon', text: 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n' },
  { name: 'more than was announced', text: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy' },
  { name: 'endless header', text: `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70_000)}` },
];

describe('ResponseParser', () => {
  for (const { name, text, close, expected } of RESPONSES) {
    it(`reads ${name}, however it is cut`, () => {
      for (const size of [1, 2, 3, 7, 1000]) expect(parse(Buffer.from(text), size, close ?? false)).toEqual(expected);
    });
  }
  for (const { name, text } of MALFORMED) {
    it(`refuses ${name}`, () => {
      for (const size of [1, 5, 100_000]) expect(() => parse(Buffer.from(text), size, false)).toThrow(/malformed HTTP response/);
    });
  }
  it('refuses an answer that breaks off', () => {
    expect(() => parse(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel'), 100, true)).toThrow('unexpected EOF');
  });
});
