/** One command of a transcript with what it printed. */
export interface Step {
  /** Lines before it that are no command: empty lines and comments. */
  readonly preamble: readonly string[];
  /** `$` runs once; `~$` runs until it prints what is expected; `*$` prints its lines in no order. */
  readonly prompt: '$' | '~$' | '*$';
  readonly argv: readonly string[];
  readonly line: string;
  readonly expected: string;
}

/** Reads a transcript: `$ fleetctl …`, standard output, `2> ` standard error, `[code]`. */
export function parseTranscript(text: string): Step[] {
  const steps: Step[] = [];
  let preamble: string[] = [];
  let expected: string[] | undefined;
  for (const line of text.split('\n')) {
    const command = /^([~*]?\$) fleetctl( .*)?$/.exec(line);
    if (command !== null) {
      expected = [];
      steps.push({ preamble, prompt: command[1] as Step['prompt'], argv: splitWords(command[2] ?? ''), line, expected: '' });
      preamble = [];
    } else if (expected === undefined) {
      preamble.push(line);
    } else {
      expected.push(line);
      if (!/^\[\d+\]$/.test(line)) continue;
      const last = steps.pop();
      if (last !== undefined) steps.push({ ...last, expected: `${expected.join('\n')}\n` });
      expected = undefined;
    }
  }
  return steps;
}

export function formatTranscript(steps: readonly Step[]): string {
  return steps.map((step) => [...step.preamble, step.line, step.expected].join('\n')).join('');
}

/** Words as a shell would take them: single quotes, double quotes, blanks. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/(?:'([^']*)'|"([^"]*)"|[^\s'"])+/g)].map(([word]) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''));
}
