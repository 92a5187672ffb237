// What people see of the setup: one line per step, with the time it took.

const plain = process.env.NO_COLOR !== undefined || !process.stdout.isTTY;
const paint = (code, text) => (plain ? text : `\u001b[${code}m${text}\u001b[0m`);

export const green = (text) => paint('32', text);
export const red = (text) => paint('31', text);
export const dim = (text) => paint('2', text);
export const bold = (text) => paint('1', text);

export function say(line = '') {
  process.stdout.write(`${line}\n`);
}

export function seconds(ms) {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

/** A problem that a person can do something about: printed without a stack. */
export class SetupError extends Error {
  constructor(message, remedy) {
    super(message);
    this.name = 'SetupError';
    this.remedy = remedy;
  }
}
