/** Something wrong with the configuration, as data; {@link describeProblem} makes the text. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Name of the file, or `environment`. */
  readonly source: string;
  /** 1-based; null for the environment and for what concerns the whole file. */
  readonly line: number | null;
  /** The option; null when the line has none. */
  readonly key: string | null;
  readonly message: string;
  readonly remedy?: string;
}

/** `fleet.conf:12: token_limit: "zz" is not a whole number (use for example token_limit=100)`. */
export function describeProblem({ source, line, key, message, remedy }: Problem): string {
  const place = line === null ? source : `${source}:${line}`;
  return `${place}: ${key === null ? '' : `${key}: `}${message}${remedy === undefined ? '' : ` (${remedy})`}`;
}
