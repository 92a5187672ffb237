import { blankLengthAt, dropBlanks, skipBlanks } from './blank.ts';
import { decodeByteText, decodeRune, isAscii, runeLength } from './byte-text.ts';
import { finding, shown, START } from './diagnostics.ts';
import type { Token } from './lexer.ts';
import { TextPlaces } from './text-places.ts';
import type { Diagnostic } from './types.ts';

const BYTE_ORDER_MARK = '\xef\xbb\xbf';
const LINE_MAX = 2048;

/** Findings about the writing of a file: what fleet takes by accident, and what systemd reads in another way. */
export function findInText(bytes: string, tokens: readonly Token[]): Diagnostic[] {
  const places = new TextPlaces(bytes);
  const findings = [...findInBytes(bytes, places), ...findInLines(bytes, places)];
  if (!tokens.some((token) => token.kind === 'option')) {
    findings.push(finding('no-options', 'warning', START, 'the file has no options', 'add sections such as [Service] with options in them'));
  }
  for (const token of tokens) {
    switch (token.kind) {
      case 'preamble':
        findings.push(...inPreamble(bytes, token, places));
        break;
      case 'comment':
        findings.push(...inComment(bytes, token, places));
        break;
      case 'header':
        findings.push(...inHeader(bytes, token, places));
        break;
      case 'option':
        findings.push(...inOption(bytes, token, places));
        break;
      default:
        token.kind satisfies never;
    }
  }
  return findings;
}

function findInBytes(bytes: string, places: TextPlaces): Diagnostic[] {
  const findings: Diagnostic[] = [];
  if (bytes.startsWith(BYTE_ORDER_MARK)) {
    findings.push(finding('byte-order-mark', 'info', START, 'the file begins with a byte order mark', 'save it as UTF-8 without one'));
  }
  const control = /[\0-\x08\x0e-\x1f\x7f]/.exec(bytes);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase();
    const severity = control[0] === '\0' ? 'error' : 'warning';
    findings.push(finding('control-character', severity, places.at(control.index), `control character U+${code}`, 'remove it'));
  }
  const invalid = isAscii(bytes) ? -1 : findInvalid(bytes);
  if (invalid >= 0) {
    const byte = bytes.charCodeAt(invalid).toString(16).toUpperCase();
    const message = `byte 0x${byte} is not valid UTF-8; it does not survive the way to the cluster, and systemd ignores the line`;
    findings.push(finding('invalid-utf8', 'error', places.at(invalid), message, 'save the file as UTF-8'));
  }
  return findings;
}

function findInvalid(bytes: string): number {
  for (let at = 0; at < bytes.length; ) {
    const code = decodeRune(bytes, at, bytes.length);
    if (code < 0) return at;
    at += runeLength(code);
  }
  return -1;
}

/** Once each: one line ended the wrong way is enough to know. */
function findInLines(bytes: string, places: TextPlaces): Diagnostic[] {
  const findings: Diagnostic[] = [];
  const crlf = bytes.indexOf('\r\n');
  if (crlf >= 0) {
    const message = 'lines end in CR LF; a line that ends in a backslash is then not continued';
    findings.push(finding('crlf', 'info', places.at(crlf), message, 'save the file with LF at line ends'));
  }
  const lone = /\r(?!\n)/.exec(bytes);
  if (lone !== null) {
    const message = 'a CR that no LF follows ends no line here, but cuts it off for older systemd';
    findings.push(finding('lone-cr', 'warning', places.at(lone.index), message, 'end the line with LF'));
  }
  for (const { start, end } of places.lines()) {
    if (end - start < LINE_MAX) continue;
    const message = `the line has ${end - start} bytes; from ${LINE_MAX} on it depends on what stands before it whether it can be read`;
    findings.push(finding('long-line', 'warning', places.at(start), message, 'fold it with "\\" at line ends'));
  }
  return findings;
}

function inPreamble(bytes: string, token: Token, places: TextPlaces): Diagnostic[] {
  const start = bytes.startsWith(BYTE_ORDER_MARK) && token.start === 0 ? BYTE_ORDER_MARK.length : token.start;
  const from = skipBlanks(bytes, start, token.end);
  if (from === token.end) return [];
  const findings: Diagnostic[] = [];
  const lastLine = Math.max(from, bytes.lastIndexOf('\n', token.end - 1) + 1);
  if (bytes[token.end] === '[' && skipBlanks(bytes, lastLine, token.end) < token.end) {
    const message = 'the first section header stands in the middle of a line; systemd does not see it';
    findings.push(finding('header-in-mid-line', 'error', places.at(token.end), message, 'start the line with "["'));
  }
  const text = decodeByteText(bytes.slice(from, dropBlanks(bytes, from, token.end)));
  const severity = text.includes('=') ? 'error' : 'warning';
  const message = `${shown(text)} stands before the first section and is dropped`;
  findings.push(finding('text-before-section', severity, places.at(from), message, 'put a section header such as [Unit] before it'));
  return findings;
}

function inComment(bytes: string, token: Token, places: TextPlaces): Diagnostic[] {
  for (let lf = bytes.indexOf('\n', token.start); lf >= 0 && lf < token.end; lf = bytes.indexOf('\n', lf + 1)) {
    const next = bytes.indexOf('\n', lf + 1);
    const end = next < 0 ? token.end : Math.min(next, token.end);
    const from = skipBlanks(bytes, lf + 1, end);
    // Blank lines and further comments hide nothing that systemd would read.
    if (from === end || bytes[from] === '#' || bytes[from] === ';') continue;
    const message = 'the comment before ends in a backslash and takes this line with it; newer systemd reads the line';
    return [finding('comment-swallows-line', 'warning', places.at(from), message, 'remove the backslash at the end of the comment')];
  }
  return [];
}

function inHeader(bytes: string, token: Token, places: TextPlaces): Diagnostic[] {
  const name = bytes.slice(token.start + 1, token.mark);
  if (!/[\r\n]/.test(name)) return [];
  const message = `section header ${shown(decodeByteText(`[${name}]`))} goes over a line end; systemd refuses the file`;
  return [finding('header-over-lines', 'error', places.at(token.start), message, 'close the header with "]" in its own line')];
}

function inOption(bytes: string, token: Token, places: TextPlaces): Diagnostic[] {
  const { option, mark } = token;
  if (option === undefined || mark === undefined) return [];
  const findings: Diagnostic[] = [];
  if (option.name === '') {
    const conflict = /^=+$/.test(option.value);
    const message = conflict ? 'a line of "=" only, as a merge conflict leaves it, is an option without a name' : `option without a name: ${shown(`=${option.value}`)}`;
    findings.push(finding('empty-name', 'error', option, message, conflict ? 'resolve the merge conflict' : 'write it as Name=value, or remove it'));
  }
  if (option.name.startsWith('\ufeff')) {
    const message = `option name ${shown(option.name)} begins with a byte order mark, so it is not known`;
    findings.push(finding('byte-order-mark', 'warning', option, message, 'remove it'));
  }
  const lineStart = bytes.lastIndexOf('\n', token.start - 1) + 1;
  if (lineStart < token.start) findings.push(...inIndent(bytes, lineStart, token, places));
  findings.push(...inValue(bytes, mark + 1, token.end, places));
  return findings;
}

function inIndent(bytes: string, lineStart: number, token: Token, places: TextPlaces): Diagnostic[] {
  const indent = bytes.slice(lineStart, token.start);
  if (!isAscii(indent)) {
    const message = 'the line starts with a blank that is no blank to systemd';
    return [finding('unicode-blank', 'warning', places.at(lineStart), message, 'use spaces')];
  }
  if (!/[^\r]/.test(indent)) return [];
  const message = `indented line is an option of its own (${shown(token.option?.name ?? '')}), not part of the line before`;
  return [finding('indented-option', 'info', places.at(token.start), message, 'end the line before with "\\" if it should go on')];
}

function inValue(bytes: string, start: number, end: number, places: TextPlaces): Diagnostic[] {
  const findings: Diagnostic[] = [];
  let lineStart = start;
  for (;;) {
    const lf = bytes.indexOf('\n', lineStart);
    const lineEnd = lf < 0 || lf > end ? end : lf;
    const textEnd = dropBlanks(bytes, lineStart, lineEnd);
    if (lineStart !== start) findings.push(...inContinuedLine(bytes, lineStart, textEnd, places));
    if (textEnd > lineStart && bytes[textEnd - 1] === '\\') findings.push(...atBackslash(bytes, { lineStart, textEnd, lineEnd, end }, places));
    if (textEnd < lineEnd && wideBlank(bytes, textEnd, lineEnd)) {
      const message = 'the value ends in a blank that is cut off here but is part of the value to systemd';
      findings.push(finding('unicode-blank', 'warning', places.at(textEnd), message, 'remove it'));
    }
    if (lineEnd >= end) return findings;
    lineStart = lineEnd + 1;
  }
}

function inContinuedLine(bytes: string, lineStart: number, textEnd: number, places: TextPlaces): Diagnostic[] {
  const from = skipBlanks(bytes, lineStart, textEnd);
  const first = bytes[from];
  if (from < textEnd && (first === '#' || first === ';')) {
    const message = 'a comment in the middle of a folded value is part of the value; newer systemd skips it';
    return [finding('comment-in-value', 'warning', places.at(from), message, 'move the comment before the option')];
  }
  if (/^\[[A-Za-z][A-Za-z-]*\]$/.test(bytes.slice(from, textEnd))) {
    const message = `the line before ends in a backslash, so ${bytes.slice(from, textEnd)} is part of the value and opens no section`;
    return [finding('header-in-value', 'error', places.at(from), message, 'remove the backslash at the end of the line before')];
  }
  return [];
}

interface LineEnd {
  readonly lineStart: number;
  readonly textEnd: number;
  readonly lineEnd: number;
  readonly end: number;
}

function atBackslash(bytes: string, { lineStart, textEnd, lineEnd, end }: LineEnd, places: TextPlaces): Diagnostic[] {
  const place = places.at(textEnd - 1);
  if (textEnd < lineEnd) {
    const what = /^\r$/.test(bytes.slice(textEnd, lineEnd)) ? 'a CR follows' : 'blanks follow';
    const message = `${what} the backslash, so the line is not continued; once stored, the next line becomes part of this value`;
    return [finding('blank-after-backslash', 'error', place, message, 'remove what follows the backslash')];
  }
  if (lineEnd >= end) {
    const message = 'the backslash continues the value, but no line follows';
    return [finding('dangling-continuation', 'warning', place, message, 'remove the backslash')];
  }
  let slashes = 0;
  while (textEnd - slashes > lineStart && bytes[textEnd - 1 - slashes] === '\\') slashes++;
  if (slashes % 2 === 1) return [];
  const message = `${slashes} backslashes continue the value here, but not for systemd, where pairs of them cancel`;
  return [finding('even-backslashes', 'warning', place, message, 'end the line in one backslash, or in none')];
}

function wideBlank(bytes: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += Math.max(1, blankLengthAt(bytes, at, end))) if (bytes.charCodeAt(at) >= 0x80) return true;
  return false;
}
