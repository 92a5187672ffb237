/** A set of small numbers, 32 to a word. */
export type Bits = Uint32Array;

export function createBits(capacity: number): Bits {
  return new Uint32Array((capacity + 31) >>> 5);
}

export function setBit(bits: Bits, at: number): void {
  bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31));
}

export function clearBit(bits: Bits, at: number): void {
  bits[at >>> 5] = (bits[at >>> 5] ?? 0) & ~(1 << (at & 31));
}

export function hasBit(bits: Bits, at: number): boolean {
  return (((bits[at >>> 5] ?? 0) >>> (at & 31)) & 1) === 1;
}

export function orBits(target: Bits, other: Bits): void {
  for (let word = 0; word < target.length; word++) target[word] = (target[word] ?? 0) | (other[word] ?? 0);
}

export function andBits(target: Bits, other: Bits): void {
  for (let word = 0; word < target.length; word++) target[word] = (target[word] ?? 0) & (other[word] ?? 0);
}

/** Takes the other's members out. */
export function subtractBits(target: Bits, other: Bits): void {
  for (let word = 0; word < target.length; word++) target[word] = (target[word] ?? 0) & ~(other[word] ?? 0);
}

export function countBits(bits: Bits): number {
  let count = 0;
  for (let word = 0; word < bits.length; word++) {
    let rest = bits[word] ?? 0;
    if (rest === 0) continue;
    rest -= (rest >>> 1) & 0x55555555;
    rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
    count += Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}

/**
 * The smallest number that is in both sets, or -1.
 * @param from Words before this one are not looked at.
 */
export function firstCommonBit(a: Bits, b: Bits, from = 0): number {
  for (let word = from; word < a.length; word++) {
    const common = (a[word] ?? 0) & (b[word] ?? 0);
    if (common !== 0) return (word << 5) + lowestBit(common);
  }
  return -1;
}

/** Members in ascending order. */
export function* eachBit(bits: Bits): Generator<number> {
  for (let word = 0; word < bits.length; word++) {
    let rest = bits[word] ?? 0;
    while (rest !== 0) {
      yield (word << 5) + lowestBit(rest);
      rest &= rest - 1;
    }
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
