/** Puts a prefix before each line of text that comes in pieces; lines of several sources never mix. */
export class LinePrefixer {
  private readonly prefix: string;
  private readonly write: (text: string) => void;
  private rest = '';

  constructor(prefix: string, write: (text: string) => void) {
    this.prefix = prefix;
    this.write = write;
  }

  take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    if (lines.length > 0) this.write(lines.map((line) => `${this.prefix}${line}\n`).join(''));
  }

  /** The source has ended; what is left is a line. */
  end(): void {
    if (this.rest !== '') this.write(`${this.prefix}${this.rest}\n`);
    this.rest = '';
  }
}
