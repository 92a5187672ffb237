import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  checkRequirementCombinations,
  checkUnitName,
  compileGlob,
  decodeText,
  encodeText,
  escapePath,
  escapeUnitName,
  findUnfaithfulOption,
  formatUnitFile,
  groupBySection,
  hashUnitFile,
  matchGlob,
  parseUnitFile,
  parseUnitName,
  readRequirements,
  sameOptions,
  unescapePath,
  unescapeUnitName,
  unitNameFromArgument,
  verifyOptions,
  verifyUnitFile,
  type Diagnostic,
  type UnitOption,
} from './index.ts';

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ unit: fc.constantFrom(...Array.from('[]=#;\\\n\r "*?%i.@-ab')), maxLength: 60 }));
const fleetOption = fc.record({
  section: fc.constantFrom('X-Fleet', 'X-Fleet', 'x-fleet', 'Service', 'Unit', ''),
  name: fc.oneof(fc.constantFrom('MachineID', 'MachineOf', 'MachineMetadata', 'Conflicts', 'Replaces', 'Global', 'X-Conflicts', 'Conflict', 'ExecStart', ''), anyText),
  value: fc.oneof(anyText, fc.constantFrom('"a=b" "c=d"', 'web@%i.service', '*a*a*[', '%n', 'true', 'a.service b.service')),
});
const optionLists = fc.array(fleetOption, { maxLength: 8 });
const names = fc.oneof(fc.constantFrom('web@1.service', 'web@.service', 'a.timer', 'noext', '.service', '@.service'), anyText);

/** Every finding names a place in a text of so many lines, and says something. */
function expectPlaces(findings: readonly Diagnostic[], lines: number): void {
  for (const { code, line, column, message } of findings) {
    expect(code).toMatch(/^[a-z0-9-]+$/);
    expect(message).not.toBe('');
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines);
    expect(column).toBeGreaterThanOrEqual(1);
  }
}

/** Runs within processor time that only exponential or quadratic work would pass, however busy the machine is. */
function quickly<T>(work: () => T): T {
  const start = process.cpuUsage();
  const result = work();
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(2000);
  return result;
}

describe('whatever comes', () => {
  it('random bytes give options, or an error with a place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const result = parseUnitFile(bytes);
        if (!result.ok) expectPlaces([{ ...result.error, severity: 'error' }], decodeText(bytes).split('\n').length);
        expectPlaces(verifyUnitFile(bytes, 'a.service'), decodeText(bytes).split('\n').length);
      }),
    );
  });

  it('random text and any name give findings with places', () => {
    fc.assert(
      fc.property(anyText, names, (text, name) => {
        const findings = verifyUnitFile(`[X-Fleet]\n${text}`, name);
        expectPlaces(findings, text.split('\n').length + 1);
        const result = parseUnitFile(`[X-Fleet]\n${text}`);
        expect(findings.some((found) => found.code === 'parse-error')).toBe(!result.ok);
      }),
    );
  });

  it('random options are read, checked and verified', () => {
    fc.assert(
      fc.property(optionLists, names, (options, name) => {
        const text = formatUnitFile(options);
        expectPlaces(verifyOptions(options, name), text.split('\n').length);
        readRequirements(options, name);
        expect(hashUnitFile(options)).toMatch(/^[0-9a-f]{40}$/);
        const forbidden = checkRequirementCombinations(options);
        const result = parseUnitFile(text);
        if (!result.ok) expect(forbidden).toBe(result.error.message);
      }),
    );
  });

  it('an option list is unfaithful if and only if it does not read back', () => {
    fc.assert(
      fc.property(optionLists, (options: UnitOption[]) => {
        const clean = options.map(({ section, name, value }) => ({ section: well(section), name: well(name), value: well(value) }));
        const result = parseUnitFile(formatUnitFile(clean));
        const faithful = result.ok && sameOptions(result.options, groupBySection(clean));
        const found = findUnfaithfulOption(clean);
        expect(found === null).toBe(faithful);
        if (found !== null) expect(clean[found.index]).toBeDefined();
        if (!faithful) expect(verifyOptions(clean).some((finding) => finding.code === 'does-not-read-back')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('a file cut off anywhere is read or refused with a place', () => {
    const whole = '[Unit]\nDescription=é \\\n  more\n# c \\\n\n[X-Fleet]\nConflicts="a.service" "b*.service"\n';
    const bytes = Buffer.from(whole);
    for (let end = 0; end <= bytes.length; end++) {
      const part = bytes.subarray(0, end);
      const result = parseUnitFile(part);
      if (!result.ok) expectPlaces([{ ...result.error, severity: 'error' }], 9);
      expectPlaces(verifyUnitFile(part, 'a.service'), 9);
    }
  });
});

describe('names', () => {
  it('takes every code point, and says which one it refuses', () => {
    for (let code = 0; code <= 0x10ffff; code += code < 0x3000 ? 1 : 97) {
      const char = String.fromCodePoint(code);
      const allowed = /^[A-Za-z0-9:\-_.\\@]$/.test(char);
      const message = checkUnitName(`a${char}b.service`);
      if (allowed !== (message === null)) throw new Error(`U+${code.toString(16)}: ${message ?? 'accepted'}`);
      if (message !== null && !/^invalid character '.+' in unit name$/su.test(message)) throw new Error(message);
    }
  });

  it('never throws for an argument or a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(typeof unitNameFromArgument(text)).toBe('string');
        const info = parseUnitName(text);
        if (info !== null) expect(info.full).toBe(text);
        const message = checkUnitName(text);
        expect(message === null || message.length > 0).toBe(true);
      }),
    );
  });

  it('escapes and reads back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const clean = well(text).replaceAll('\0', '');
        expect(unescapeUnitName(escapeUnitName(clean))).toBe(clean);
        expect(checkUnitName(`a${escapeUnitName(clean.slice(0, 20))}.service`)).toBeNull();
        const path = `/${clean}`.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
        const escaped = escapePath(path);
        if (!/(?:^|\/)\.{1,2}(?:\/|$)/.test(path)) expect(escaped === null ? null : unescapePath(escaped)).toBe(path);
      }),
    );
  });
});

describe('text and bytes', () => {
  it('come back as they were', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => expect(encodeText(decodeText(bytes))).toEqual(bytes)));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => expect(decodeText(encodeText(well(text)))).toBe(well(text))));
  });
});

describe('hostile input takes no time', () => {
  // Quadratic work on this much takes a quarter of a minute.
  const much = 120_000;

  it.each([
    ['one line', 'x'.repeat(much)],
    ['one value', `[A]\nB=${'x'.repeat(much)}`],
    ['deep folding', `[A]\nB=${'\\\n'.repeat(much / 2)}`],
    ['folded comment', `[A]\n#${'\\\n'.repeat(much / 2)}x`],
    ['blanks', `[A]\n${' '.repeat(much)}B=1`],
    ['wide blanks', `[A]\n${'\u3000'.repeat(much / 3)}B=1`],
    ['blank lines', `[A]\n${'\n'.repeat(much)}B=1`],
    ['open headers', '[a\n'.repeat(much / 3)],
    ['sections', '[a]\n'.repeat(much / 4)],
    ['many sections', Array.from({ length: 10_000 }, (_, i) => `[s${i}]\na=1\n`).join('')],
    ['lines without an equals sign', `[A]\n${'a\n'.repeat(much / 2)}`],
    ['garbage after headers', '[a] x\n'.repeat(much / 6)],
    ['comments before the first section', 'x#\n'.repeat(much / 3)],
    ['invalid bytes', Buffer.alloc(much, 0xe9)],
    ['cut-off characters', Buffer.from('\u6771'.repeat(much / 3)).subarray(0, much - 1)],
    ['CR only', `[A]\n${'B=1\r'.repeat(much / 4)}`],
    ['options', `[X-Fleet]\n${'Conflicts=a.service\n'.repeat(much / 20)}`],
    ['a quoted list', `[X-Fleet]\nMachineMetadata=${Array.from({ length: 4500 }, (_, i) => `"k${i}=v" \\\n`).join('')}"z=z"`],
    ['patterns in one value', `[X-Fleet]\nConflicts=${'a*b[ \\\n'.repeat(much / 8)}`],
    ['peers against patterns', `[X-Fleet]\n${Array.from({ length: 2000 }, (_, i) => `MachineOf=a${i}.service\nConflicts=b${i}.service\n`).join('')}`],
    ['specifiers', `[X-Fleet]\n${'Conflicts=%n%n%n%n%n%n%n%n\n'.repeat(much / 100)}`],
  ])('%s', (_title, text) => {
    const name = `${'a'.repeat(200)}@1.service`;
    const result = quickly(() => parseUnitFile(text));
    if (result.ok) {
      quickly(() => hashUnitFile(result.options));
      quickly(() => readRequirements(result.options, name));
      quickly(() => checkRequirementCombinations(result.options));
    }
    quickly(() => verifyUnitFile(text, name));
  });

  it.each([
    ['stars and letters', `${'*a'.repeat(500)}*b`],
    ['stars', '*'.repeat(2000)],
    ['question marks', '*?'.repeat(500)],
    ['classes', `${'*[a-z]'.repeat(300)}*!`],
    ['one long class', `*[${'a-z'.repeat(100_000)}]!`],
    ['open classes', '['.repeat(100_000)],
    ['backslashes', '\\'.repeat(100_001)],
  ])('pattern of %s', (_title, pattern) => {
    for (const name of ['a'.repeat(256), 'ab'.repeat(128), '/'.repeat(256), 'é'.repeat(128)]) quickly(() => matchGlob(pattern, name));
    quickly(() => verifyOptions([{ section: 'X-Fleet', name: 'Conflicts', value: pattern }], 'a.service'));
  });

  it('a pattern compiled once says the same as one compiled anew', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('*?[]^-\\ab/é')) }), fc.array(fc.string({ unit: fc.constantFrom(...Array.from('abc-/é]')) })), (pattern, list) => {
        const glob = compileGlob(pattern);
        for (const name of list) {
          expect(glob.test(name)).toBe(matchGlob(pattern, name));
          if (glob.test(name)) expect(name.startsWith(glob.literalPrefix)).toBe(true);
          if (glob.isLiteral) expect(glob.test(name)).toBe(name === glob.literalPrefix);
          if (glob.malformed) expect(glob.test(name)).toBe(false);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function well(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
