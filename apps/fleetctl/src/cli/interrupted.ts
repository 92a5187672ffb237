/** Ctrl-C, or a request to end. The message says what the cluster was left with; empty if nobody asked it for anything. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.name = 'Interrupted';
    this.exitCode = exitCode;
  }
}

/** Asked by name: each part of the bundle has its own copy of the class. */
export function isInterrupted(error: unknown): error is Interrupted {
  return error instanceof Error && error.name === 'Interrupted';
}
