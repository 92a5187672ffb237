import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Machine, V1Unit, V1UnitState } from '@fleet/api/wire';
import { hashUnitFile } from '@fleet/unit-parser';

/**
 * A server that knows version 1 only, as an original fleetd: units keep their state here, placed at once on the first machine, reported active
 * when launched. For tests of what falls back to version 1.
 */
export class OriginalFleetd implements AsyncDisposable {
  readonly units = new Map<string, V1Unit>();
  readonly states: V1UnitState[] = [];
  machines: V1Machine[] = [{ id: '3fa1c0de5b8e4d17a2c94e6f70b18d25', primaryIP: '127.0.0.2', metadata: { role: 'db' } }];
  /** Each request line, in order. */
  readonly requests: string[] = [];
  pageSize = 100;
  /** Answers every listing with the same token for ever. */
  endlessTokens = false;
  /** Whether units that should run are placed. */
  places = true;
  private readonly folder = mkdtempSync(join(tmpdir(), 'original-'));
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => this.answer(request, Buffer.concat(chunks).toString('utf8'), response));
    });
  }

  get endpoint(): string {
    return `unix://${join(this.folder, 'fleet.sock')}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(join(this.folder, 'fleet.sock'), resolve));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private answer(request: IncomingMessage, body: string, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://domain-sock');
    this.requests.push(`${request.method ?? ''} ${url.pathname}`);
    const [, , version, collection, name] = url.pathname.split('/').map(decodeURIComponent);
    if (version !== 'v1' || collection === undefined) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found\n');
      return;
    }
    if (collection === 'units' && name !== undefined) this.answerUnit(request.method ?? '', name, body, response);
    else if (collection === 'units') this.page(url, 'units', [...this.units.values()].sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1)), response);
    else if (collection === 'machines') this.page(url, 'machines', this.machines, response);
    else {
      const wanted = url.searchParams.get('unitName');
      this.page(url, 'states', this.states.filter((state) => wanted === null || state.name === wanted), response);
    }
  }

  private answerUnit(method: string, name: string, body: string, response: ServerResponse): void {
    const unit = this.units.get(name);
    if (method === 'PUT') {
      const wanted = JSON.parse(body) as V1Unit;
      if (wanted.options === undefined && unit === undefined) { error(response, 409, 'unit does not exist and options field empty'); return; }
      const created = wanted.options !== undefined;
      this.put({ ...unit, ...wanted, name, desiredState: wanted.desiredState ?? 'inactive', currentState: unit?.currentState ?? 'inactive' });
      response.writeHead(created ? 201 : 204).end();
    } else if (unit === undefined) error(response, 404, 'unit does not exist');
    else if (method === 'DELETE') {
      this.units.delete(name);
      this.drop(name);
      response.writeHead(204).end();
    } else json(response, unit);
    return undefined;
  }

  private put(unit: V1Unit): void {
    const machine = this.machines[0]?.id;
    const runs = this.places && machine !== undefined && unit.desiredState !== 'inactive';
    const { machineID: _, ...rest } = unit;
    this.units.set(unit.name ?? '', { ...rest, currentState: runs ? (unit.desiredState ?? 'inactive') : 'inactive', ...(runs ? { machineID: machine } : {}) });
    this.drop(unit.name ?? '');
    if (!runs) return;
    const hash = hashUnitFile((unit.options ?? []).map((option) => ({ section: option.section ?? '', name: option.name ?? '', value: option.value ?? '' })));
    const launched = unit.desiredState === 'launched';
    this.states.push({ name: unit.name ?? '', hash, machineID: machine, systemdLoadState: 'loaded', systemdActiveState: launched ? 'active' : 'inactive', systemdSubState: launched ? 'running' : 'dead' });
  }

  private drop(name: string): void {
    const at = this.states.findIndex((state) => state.name === name);
    if (at !== -1) this.states.splice(at, 1);
  }

  private page(url: URL, name: string, all: readonly unknown[], response: ServerResponse): void {
    const page = Number(url.searchParams.get('nextPageToken') ?? 1);
    const items = all.slice((page - 1) * this.pageSize, page * this.pageSize);
    const more = page * this.pageSize <= all.length;
    json(response, { ...(items.length > 0 ? { [name]: items } : {}), ...(this.endlessTokens ? { nextPageToken: '1' } : more ? { nextPageToken: String(page + 1) } : {}) });
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function error(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: { code, message } }));
}
