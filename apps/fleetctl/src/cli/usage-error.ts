/** The command line cannot be understood. Printed once, on standard error; exit code 2. */
export class UsageError extends Error {
  /** The command whose help to name; none for the root. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.name = 'UsageError';
    this.command = command;
  }
}

export const EXIT_USAGE = 2;

/** Asked by name: each part of the bundle has its own copy of the class. */
export function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && error.name === 'UsageError';
}
