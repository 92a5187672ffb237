export interface ShellBlock {
  /** The word after `sh` behind the fence: where the block is run. Empty if there is none. */
  readonly where: string;
  readonly script: string;
  /** Heading above it, and the line of its first command, 1-based. */
  readonly heading: string;
  readonly line: number;
}

/** The fenced `sh` blocks of a Markdown document, in order. */
export function readShellBlocks(markdown: string): readonly ShellBlock[] {
  const blocks: ShellBlock[] = [];
  let heading = '';
  let open: { where: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (open !== undefined) {
      if (line === '```') {
        blocks.push({ where: open.where, heading, line: open.line, script: `${open.lines.join('\n')}\n` });
        open = undefined;
      } else open.lines.push(line);
      continue;
    }
    heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    const where = /^```sh(?: (\w+))?$/.exec(line);
    if (where !== null) open = { where: where[1] ?? '', line: index + 2, lines: [] };
  }
  return blocks;
}
