import type { CommandResult } from './machines/command.ts';

/** What systemd (or the adapter in its place) on one machine says of a unit that fleet put there. */
export interface UnitOnMachine {
  readonly name: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** Identifies this run of the unit: changes whenever it is started again. Empty when it never ran. */
  readonly run: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

export interface HttpQuestion {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

/** One machine with one daemon. What it is made of is the cluster's affair. */
export interface ClusterMachine {
  readonly name: string;
  readonly id: string;
  /** Whether it has power. */
  readonly running: boolean;
  /** The units fleet put here that are active, by name, as this machine itself knows them; works whatever its daemon does. */
  activeUnits(): Promise<readonly string[]>;
  /** Every unit fleet put here, by name. */
  units(): Promise<readonly UnitOnMachine[]>;
  /** Power gone at once: daemon and units die, volatile state is lost. */
  powerCut(): Promise<void>;
  /** Switches it on again after a power cut; its daemon starts by itself. */
  boot(): Promise<void>;
  /** `kill -9` of the daemon; its units keep running. It is not started again by itself. */
  killDaemon(): Promise<void>;
  /** Ends the daemon in order (SIGTERM): the machine leaves the cluster. */
  stopDaemon(): Promise<void>;
  /** Starts the daemon and waits until its API answers. */
  startDaemon(): Promise<void>;
  /** Cuts this machine off from the store and the other machines. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  /** What the daemon logged since the machine was switched on. */
  daemonLog(): Promise<string>;
  /** One request to this machine's API. */
  request(question: HttpQuestion): Promise<HttpAnswer>;
}

export interface FleetctlOptions {
  /** Whose daemon to talk to; a machine with power and a running daemon unless told. */
  readonly on?: ClusterMachine;
  readonly timeoutMs?: number;
}

/** A cluster as its users and operators see it. Scenarios know this and nothing else. */
export interface Cluster extends AsyncDisposable {
  readonly machines: readonly ClusterMachine[];
  readonly agentTtlMs: number;
  /** Runs the built `fleetctl` against the API of one machine. */
  fleetctl(args: readonly string[], options?: FleetctlOptions): Promise<CommandResult>;
  /** Writes a unit file where `fleetctl` can read it and gives its path. */
  writeUnit(name: string, text: string): Promise<string>;
  /** Adds a machine and waits until it is in the cluster. */
  addMachine(): Promise<ClusterMachine>;
  /** Stops the store as if its process were suspended: nobody answers. */
  pauseStore(): Promise<void>;
  resumeStore(): Promise<void>;
}

export interface ClusterOptions {
  readonly machines: number;
  /** Life of a machine's lease; 3 s unless told. */
  readonly agentTtlMs?: number;
}
