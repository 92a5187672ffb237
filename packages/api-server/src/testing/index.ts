export { apiCaseSchema, type ApiCase, type GivenCluster } from './api-case.ts';
export { createUnreachableStore } from './broken-store.ts';
export type { CaseOutcome } from './compare-case.ts';
export { exchange, formatRequest, parseResponse, type RawRequest, type RawResponse } from './raw-http.ts';
export { runApiCase, type RunCaseOptions, type ServeCaseOptions, type ServedCase } from './run-case.ts';
export { startTestServer, TestCluster, type TestServer } from './test-server.ts';
export { EventStream, type StreamedEvent } from './event-stream.ts';
