import { once } from 'node:events';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { waitUntil } from '@fleet/runtime/testing';
import { startTestServer, type RawResponse, type TestServer } from './testing/index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ limits: { bodyBytes: 100_000, bulkBodyBytes: 200_000, headersTimeoutMs: 300, requestTimeoutMs: 600 } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const JSON_TYPE = { 'Content-Type': 'application/json' };
const exec = { section: 'Service', name: 'ExecStart', value: '/bin/true' };

/** Every refusal has the documented entity, with the status in it. */
function expectRefusal(answer: RawResponse | null, status: number): void {
  expect(answer?.status).toBe(status);
  expect(JSON.parse(answer?.body ?? '')).toEqual({ error: expect.objectContaining({ code: status, message: expect.any(String) as unknown }) as unknown });
  expect(answer?.headers.get('content-type')).toBe('application/json');
  expect(answer?.headers.get('server')).toBe('fleetd/v1.0.0');
}

async function expectAlive(): Promise<void> {
  expect((await server.request('GET', '/healthz')).status).toBe(200);
}

describe('bytes that are no good request', () => {
  it.each<[string, string | Buffer, number]>([
    ['rubbish', 'rubbish\r\n\r\n', 400],
    ['binary', Buffer.from([0, 1, 2, 255, 13, 10, 13, 10]), 400],
    ['another version', 'GET / HTTP/3.0\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost x\r\n\r\n', 400],
    ['two lengths', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    ['length and chunks', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['bytes that are no ASCII in the target', 'GET /fleet/v1//units?x=€ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n', 400],
    ['two media types', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}', 415],
    ['an encoding of the body', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00', 400],
    ['a revision that is none', 'GET /fleet/v1/units HTTP/1.1\r\nHost: x\r\nConnection: close\r\nFleet-Min-Revision: 1x\r\n\r\n', 400],
    ['two revisions', 'GET /fleet/v1/units HTTP/1.1\r\nHost: x\r\nConnection: close\r\nFleet-Min-Revision: 1\r\nFleet-Min-Revision: 2\r\n\r\n', 400],
    ['a negative length', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
    ['bad chunks', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    ['too large a head', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
    ['too long a target', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 414],
    ['a malformed escape', 'GET /fleet/v1/units/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['an asterisk', 'DELETE * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['an unknown method on a unit', 'BREW /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['an unknown method on discovery', 'BREW /fleet/v1/discovery HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['an unknown method on nothing', 'BREW /nothing HTTP/1.1\r\nHost: x\r\n\r\n', 404],
    ['a request to be a proxy', 'CONNECT example.org:80 HTTP/1.1\r\nHost: x\r\n\r\n', 404],
    ['an expectation that nobody can meet', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\n{}', 417],
    ['a method in lower case', 'get /fleet/v1/units HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['a request that stops in its head', 'GET / HTTP/1.1\r\nHost: x\r\n', 408],
    ['a request that stops in its body', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{', 408],
    ['an announced body that is too large', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100001\r\n\r\n', 413],
  ])('%s', async (_name, bytes, status) => {
    expectRefusal(await server.send(bytes), status);
    await expectAlive();
  });

  it('OPTIONS * is answered by the HTTP layer', async () => {
    const answer = await server.send('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect([answer?.status, answer?.body, answer?.headers.has('server')]).toEqual([200, '', false]);
  });

  it.each([
    ['GET http://elsewhere/fleet/v1/units?alt=json HTTP/1.1', 200, '{}'],
    ['GET /v1-alpha/units HTTP/1.0', 200, '{}'],
  ])('%s', async (line, status, body) => {
    const answer = await server.send(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect([answer?.status, answer?.body]).toEqual([status, body]);
  });

  it.each([
    ['GET', '/fleet/v1/units/../../../../etc/passwd', '/etc/passwd'],
    ['GET', '/fleet/v1/units/..%2f..%2fmetrics', '/fleet/metrics'],
    ['DELETE', '//fleet//v1///units/a.service', '/fleet/v1/units/a.service'],
    ['GET', '/.', '/'],
  ])('%s %s is sent to %s', async (method, path, location) => {
    const answer = await server.request(method, path);
    expect([answer.status, answer.headers.get('location')]).toEqual([301, location]);
    await expectAlive();
  });

  it('HEAD has a length and no body', async () => {
    const answer = await server.request('HEAD', '/fleet/v1/units');
    expect([answer.status, answer.body, answer.headers.get('content-length')]).toEqual([405, '', '75']);
    expect((await server.request('HEAD', '/fleet/v1/discovery')).status).toBe(400);
  });

  it('a redirect is for every method, with a body for GET only', async () => {
    const get = await server.request('GET', '/fleet/v1//units?a="<b>"');
    expect([get.status, get.headers.get('location'), get.body]).toEqual([301, '/fleet/v1/units?a="<b>"', '<a href="/fleet/v1/units?a=&#34;&lt;b&gt;&#34;">Moved Permanently</a>.\n\n']);
    const put = await server.request('PUT', '/fleet/v1/units/../units/a.service', { options: [exec] });
    expect([put.status, put.headers.get('location'), put.headers.has('content-type'), put.body]).toEqual([301, '/fleet/v1/units/a.service', false, '']);
  });
});

describe('bodies', () => {
  it.each<[string, string, number]>([
    ['empty', '', 400],
    ['cut off', '{"options":[', 400],
    ['a list', '[]', 400],
    ['a string', '"a"', 400],
    ['a number as name', '{"name":17}', 400],
    ['an object as options', '{"options":{}}', 400],
    ['a number as value', '{"options":[{"section":"a","name":"b","value":1}]}', 400],
    ['a wrong type in an ignored member', '{"machineID":1}', 400],
    ['null', 'null', 409],
    ['any type in an unknown member', '{"x":{"y":[1]}}', 409],
    ['deep', '['.repeat(50_000), 400],
    ['too large', `{"x":"${'x'.repeat(100_000)}"}`, 413],
    ['an unknown state', JSON.stringify({ options: [exec], desiredState: 'on' }), 400],
    ['more options than a unit can have', JSON.stringify({ options: Array.from({ length: 10_001 }, () => ({})) }), 400],
  ])('of a unit: %s', async (_name, body, status) => {
    expectRefusal(await server.request('PUT', '/fleet/v1/units/bad.service', body), status);
    expectRefusal(await server.request('GET', '/fleet/v1/units/bad.service'), 404);
  });

  it.each<[string, string, number]>([
    ['an object', '{}', 400],
    ['a number', '[1]', 400],
    ['null in it', '[null]', 400],
    ['a number as value', '[{"op":"add","path":"/m/metadata/k","value":1}]', 400],
    ['dots as machine', '[{"op":"add","path":"/../metadata/k","value":"v"}]', 400],
    ['dots as key', '[{"op":"add","path":"/m/metadata/..","value":"v"}]', 400],
    ['an empty value', '[{"op":"add","path":"/m/metadata/k","value":{}}]', 400],
    ['too many', JSON.stringify(Array.from({ length: 1_001 }, () => ({ op: 'remove', path: '/m/metadata/k' }))), 413],
  ])('of a metadata change: %s', async (_name, body, status) => {
    expectRefusal(await server.request('PATCH', '/fleet/v1/machines', body), status);
  });

  it('invalid UTF-8 becomes replacement characters', async () => {
    const body = Buffer.concat([Buffer.from('{"options":[{"section":"Unit","name":"Description","value":"a'), Buffer.from([0xff]), Buffer.from('b"}]}')]);
    const head = `PUT /fleet/v1/units/utf8.service HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    expect((await server.send(Buffer.concat([Buffer.from(head), body])))?.status).toBe(201);
    expect((await server.request('GET', '/fleet/v1/units/utf8.service')).body).toContain('"value":"a\ufffdb"');
    expect((await server.request('DELETE', '/fleet/v1/units/utf8.service')).status).toBe(204);
  });

  it('an upload that is broken off changes nothing', async () => {
    for (let round = 0; round < 20; round += 1) {
      const socket = connect(server.address);
      await once(socket, 'connect');
      socket.write(`PUT /fleet/v1/units/half.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"options":[`);
      if (round % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    expectRefusal(await server.request('GET', '/fleet/v1/units/half.service'), 404);
  });
});

describe('fuzz', () => {
  const word = fc.oneof(fc.constantFrom('fleet', 'v1', 'v2', 'units', 'state', 'machines', 'discovery', 'changes', 'a.service', '..', '.', '', '%2e%2e', '%00', '%ff', '%', 'units:submit', 'healthz'), fc.string({ maxLength: 6 }).map(encodeURIComponent));
  const target = fc.array(word, { maxLength: 6 }).map((words) => `/${words.join('/')}`);
  const query = fc.oneof(fc.constant(''), fc.constantFrom('?nextPageToken=!!!!', '?limit=-1', '?name=[', '?since=x', '?a&b=%zz&&='), fc.string({ maxLength: 10 }).map((text) => `?${encodeURIComponent(text)}`));
  const body = fc.oneof(fc.constant(null), fc.json(), fc.string(), fc.constantFrom('{"options":[null]}', '{"options":[{}],"name":null}', '[{"op":"add"}]', '{"units":[{}]}'));

  it('every request gets an answer with a known status, and errors the documented entity', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'), target, query, body, async (method, path, search, text) => {
        if (path.replaceAll('//', '/').endsWith('changes') && method === 'GET') return;
        const answer = await server.request(method, `${path}${search}`, text ?? undefined, JSON_TYPE);
        expect([200, 201, 204, 301, 400, 404, 405, 409, 413, 415]).toContain(answer.status);
        if (answer.status >= 400 && method !== 'HEAD') expectRefusal(answer, answer.status);
      }),
      { numRuns: 200 },
    );
    await expectAlive();
  }, 60_000);

  it('random bytes never get more than a refusal, and leave nothing behind', async () => {
    const text = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 200 }).map((characters) => Buffer.from(characters)));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('', 'GET /fleet/v1/units HTTP/1.1\r\n', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\n'), text, async (start, bytes) => {
        const answer = await server.send(Buffer.concat([Buffer.from(start), bytes, Buffer.from('\r\n\r\n')]));
        if (answer !== null) expect(answer.status).toBeGreaterThanOrEqual(200);
      }),
      { numRuns: 40, interruptAfterTimeLimit: 20_000 },
    );
    await expectAlive();
  }, 60_000);
});

describe('memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapBytes = (): number => {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
  const junk = (round: number): readonly (string | Buffer)[] => {
    const body = (text: string, method = 'PUT', path = `/fleet/v1/units/j${round % 50}.service`): string =>
      `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
    return [
      `GET /fleet/v1/units?nextPageToken=${round} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      `GET /fleet/v2/states?name=${round}* HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      `GET /${round}/${'x'.repeat(1_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      `M${round} /fleet/v1/units HTTP/1.1\r\nHost: x\r\n\r\n`,
      Buffer.from([round & 0xff, 0xff, 0, 13, 10, 13, 10]),
      body('['.repeat(2_000)),
      body(JSON.stringify({ options: [{ ...exec, value: `${round}${'x'.repeat(3_000)}` }] })),
      body(JSON.stringify({ units: [{ name: `${round}`, text: 'x' }] }), 'POST', '/fleet/v2/units:submit'),
      body(JSON.stringify([{ op: 'add', path: `/${round}`, value: {} }]), 'PATCH', '/fleet/v1/machines'),
    ];
  };

  it('does not grow with the number of bad requests', async () => {
    const run = async (from: number, to: number): Promise<void> => {
      for (let round = from; round < to; round += 1) {
        for (const answer of await Promise.all(junk(round).map((bytes) => server.send(bytes)))) expect(answer?.status).toBeGreaterThanOrEqual(200);
      }
    };
    await run(0, 60);
    const before = heapBytes();
    await run(60, 260);
    // 1,800 requests of up to 4 kB; what each left behind would show.
    expect((heapBytes() - before) / 1024 / 1024).toBeLessThan(6);
  }, 60_000);
});

describe('clients that vanish', () => {
  const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  const starts = [
    'GET /fleet/v1/units HTTP/1.1\r\nHost: x\r\n',
    'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"options":',
    'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"opt',
    'POST /fleet/v2/units:submit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{',
    'GET /fleet/v2/changes HTTP/1.1\r\nHost: x\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
  ];

  it('leave no socket and no stream behind, whether they reset or only stop sending', async () => {
    await expectAlive();
    const before = sockets();
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        starts.map(async (start, index) => {
          const socket = connect(server.address);
          socket.on('error', () => undefined).resume();
          await once(socket, 'connect');
          await new Promise((resolve) => socket.write(start, resolve));
          if ((round + index) % 3 === 0) socket.resetAndDestroy();
          else if ((round + index) % 3 === 1) socket.destroy();
          else socket.end();
        }),
      );
    }
    await waitUntil('all sockets to be gone', () => sockets() <= before, { deadlineMs: 20_000 });
    expect(await server.server.metrics.expose()).toContain('fleet_api_streams 0\n');
    await expectAlive();
  }, 60_000);
});

describe('half-open connections', () => {
  /** Sends, ends this side, and reads until the other side ends, too. */
  const ask = async (bytes: string, { address }: TestServer = server): Promise<string> => {
    const socket = connect({ ...address, allowHalfOpen: true });
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString('latin1'))).on('error', () => undefined);
    socket.end(bytes);
    await once(socket, 'close');
    return text;
  };

  it.each<[string, string, RegExp]>([
    ['a whole request', 'GET /fleet/v1/state HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 200 OK\r\n[^]*\{\}$/],
    ['a change', 'PATCH /fleet/v1/machines HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnull', /^HTTP\/1.1 204 No Content\r\n/],
    ['two requests', 'GET /fleet/v1/state HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 200 OK\r\n[^]*\{\}HTTP\/1.1 404 Not Found\r\n[^]*\}\}$/],
    ['half a head', 'GET /fleet/v1/state HTTP/1.1\r\nHo', /^HTTP\/1.1 400 Bad Request\r\n[^]*"code":400[^]*\}\}$/],
    ['half a body', 'PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{', /^HTTP\/1.1 400 Bad Request\r\n[^]*"code":400[^]*\}\}$/],
    ['nothing', '', /^$/],
  ])('whose client ends its side after %s are answered and closed', async (_title, bytes, answer) => {
    expect(await ask(bytes)).toMatch(answer);
  });

  it('whose client ends its side after asking for a stream get none', async () => {
    // The first finds no cache yet, the second does.
    await using fresh = await startTestServer();
    for (let round = 0; round < 2; round += 1) {
      await ask('GET /fleet/v2/changes HTTP/1.1\r\nHost: x\r\n\r\n', fresh);
      await waitUntil('no stream', async () => (await fresh.server.metrics.expose()).includes('fleet_api_streams 0\n'));
      await fresh.request('GET', '/fleet/v2/units');
    }
  });
});

describe('slow and silent clients', () => {
  it('are turned away in time and do not hold up others', async () => {
    const sockets = Array.from({ length: 200 }, () => connect(server.address));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const [index, socket] of sockets.entries()) {
      socket.on('error', () => undefined);
      socket.resume();
      if (index % 2 === 0) socket.write('GET /fleet/v1/units HTTP/1.1\r\nX-');
    }
    await expectAlive();
    const slow = sockets.filter((_, index) => index % 2 === 0);
    await waitUntil('the slow ones to be closed', () => slow.every((socket) => socket.readableEnded || socket.destroyed));
    await expectAlive();
    for (const socket of sockets) socket.destroy();
  });
});

describe('races', () => {
  const put = (value: string): Promise<RawResponse> => server.request('PUT', '/fleet/v1/units/race.service', { desiredState: 'launched', options: [{ ...exec, value }] });

  it('of creation have one winner; the others are told', async () => {
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => put(`/bin/${index}`)));
      const statuses = answers.map(({ status }) => status);
      expect(new Set([...statuses, 201, 409])).toEqual(new Set([201, 409]));
      const unit = JSON.parse((await server.request('GET', '/fleet/v1/units/race.service')).body) as { readonly desiredState: string; readonly options: readonly { readonly value: string }[] };
      expect(unit.desiredState).toBe('launched');
      expect(unit.options).toHaveLength(1);
      // What is there is what one of those wrote that were told of success.
      expect(answers[Number(unit.options[0]?.value.slice('/bin/'.length))]?.status).toBe(201);
      expect((await server.request('DELETE', '/fleet/v1/units/race.service')).status).toBe(204);
    }
  });
});
