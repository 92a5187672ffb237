import { isDeepStrictEqual } from 'node:util';
import type { ApiCase } from './api-case.ts';
import type { RawResponse } from './raw-http.ts';

/** What the listings of units and machines hold, all pages. */
export interface Listed {
  readonly units: readonly unknown[];
  readonly machines: readonly unknown[];
}

export type CaseOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly differences: readonly string[] }
  | { readonly kind: 'departed'; readonly differences: readonly string[]; readonly rule: string };

/** Compares an answer with the recorded one, in the way the case asks for. */
export function compareCase(expected: ApiCase, answer: RawResponse | null, before: Listed | null, after: Listed | null): CaseOutcome {
  const differences = [...compareAnswer(expected, answer), ...compareAfter(expected.after, after)];
  if (differences.length === 0) return { kind: 'passed' };
  if (expected.match !== 'defect' || expected.recommended === null || expected.recommended === undefined) return { kind: 'failed', differences };
  const missed = [...compareRecommended(expected.recommended, answer), ...(isRefused(answer) ? compareAfter(before, after) : [])];
  if (missed.length > 0) return { kind: 'failed', differences: [...differences, ...missed.map((miss) => `recommended: ${miss}`)] };
  return { kind: 'departed', differences, rule: `the recommended answer, ${show(expected.recommended)}${typeof expected.note === 'string' ? ` (${expected.note})` : ''}` };
}

function compareAnswer(expected: ApiCase, answer: RawResponse | null): string[] {
  const { response } = expected;
  if (answer === null) return response.connectionClosed === true ? [] : ['the connection was closed without an answer'];
  if (response.connectionClosed === true || typeof response.status !== 'number') return [`status: got ${answer.status}, want a closed connection`];
  const differences: string[] = [];
  const compare = (what: string, got: unknown, want: unknown): void => {
    if (!isDeepStrictEqual(got, want)) differences.push(`${what}: got ${show(got)}, want ${show(want)}`);
  };
  const wanted = new Map(Object.entries(response.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  compare('status', answer.status, response.status);
  if (wanted.has('server')) compare('Server', answer.headers.get('server')?.startsWith('fleetd/'), true);
  switch (expected.match) {
    case 'redirect':
      compare('Location', answer.headers.get('location'), wanted.get('location'));
      break;
    case 'metrics':
      compare('Content-Type', answer.headers.get('content-type'), wanted.get('content-type'));
      for (const { name, type } of response.metricFamilies ?? []) {
        if (name.startsWith('fleet_') && !answer.body.includes(`# TYPE ${name} ${type}\n`)) differences.push(`metric family ${name} of type ${type} is missing`);
      }
      break;
    case 'status':
      compare('Content-Type', answer.headers.get('content-type'), wanted.get('content-type'));
      if (response.status >= 400) differences.push(...checkErrorShape(answer));
      break;
    case 'structure':
      compare('Content-Type', answer.headers.get('content-type'), wanted.get('content-type'));
      compare('body', withoutDescriptions(parseJson(answer.body)), withoutDescriptions(response.body));
      break;
    case 'exact':
    case 'defect':
      compare('Content-Type', answer.headers.get('content-type'), wanted.get('content-type'));
      if (response.body === null || response.body === undefined) compare('body', answer.body, '');
      else compare('body', typeof response.body === 'string' ? answer.body : parseJson(answer.body), response.body);
      break;
  }
  return differences;
}

function compareRecommended(recommended: NonNullable<ApiCase['recommended']>, answer: RawResponse | null): string[] {
  if (answer === null) return ['the connection was closed without an answer'];
  const { error } = (parseJson(answer.body) ?? {}) as { readonly error?: { readonly code?: unknown; readonly message?: unknown } };
  const misses: string[] = [];
  if (recommended.status !== undefined && answer.status !== recommended.status) misses.push(`status ${recommended.status}, got ${answer.status}`);
  if (recommended.message !== undefined && error?.message !== recommended.message) misses.push(`message ${show(recommended.message)}, got ${show(error?.message)}`);
  if (recommended.errorCodeMustNotBe !== undefined && (error === undefined || error.code === recommended.errorCodeMustNotBe)) {
    misses.push(`an error code other than ${recommended.errorCodeMustNotBe}, got ${show(error?.code)}`);
  }
  if (isRefused(answer)) misses.push(...checkErrorShape(answer));
  return misses;
}

function isRefused(answer: RawResponse | null): boolean {
  return answer !== null && answer.status >= 400;
}

function checkErrorShape(answer: RawResponse): string[] {
  const { error } = (parseJson(answer.body) ?? {}) as { readonly error?: { readonly code?: unknown; readonly message?: unknown } };
  return error?.code === answer.status && typeof error.message === 'string' ? [] : [`error entity: got ${answer.body.slice(0, 200)}`];
}

function compareAfter(wanted: ApiCase['after'] | Listed | null, after: Listed | null): string[] {
  if (wanted === null || wanted === undefined || after === null) return [];
  const differences: string[] = [];
  for (const list of ['units', 'machines'] as const) {
    const want = wanted[list] ?? [];
    if (!isDeepStrictEqual(after[list], want)) differences.push(`${list} afterwards: got ${show(after[list])}, want ${show(want)}`);
  }
  return differences;
}

function withoutDescriptions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDescriptions);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'description')
      .map(([name, member]) => [name, withoutDescriptions(member)]),
  );
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
