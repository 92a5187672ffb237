import { decodeByteText, toByteText } from './byte-text.ts';

const PLAIN = /[A-Za-z0-9:_.]/;

/** Escapes a string for use in a unit name (as systemd `unit_name_escape`): `/` becomes `-`, bytes that may not stand become `\xNN`. */
export function escapeUnitName(text: string): string {
  let escaped = '';
  const bytes = toByteText(text);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charAt(i);
    if (byte === '/') escaped += '-';
    else if (PLAIN.test(byte) && !(i === 0 && byte === '.')) escaped += byte;
    else escaped += `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
  }
  return escaped;
}

/** The reverse of `escapeUnitName` (as systemd `unit_name_unescape`); `null` if a backslash starts no `\xNN`. */
export function unescapeUnitName(escaped: string): string | null {
  if (/\\(?!x[0-9A-Fa-f]{2})/.test(escaped)) return null;
  const bytes = toByteText(escaped).replaceAll('-', '/').replace(/\\x([0-9A-Fa-f]{2})/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 16)));
  return bytes.includes('\0') ? null : decodeByteText(bytes);
}

/** Escapes a path for use in a unit name (as systemd `unit_name_path_escape`); `null` if it has `..` in it. The root is `-`. */
export function escapePath(path: string): string | null {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return null;
  return parts.length === 0 ? '-' : escapeUnitName(parts.join('/'));
}

/** The absolute path of an escaped one (as systemd `unit_name_path_unescape`); `null` if it is not one in normal form. */
export function unescapePath(escaped: string): string | null {
  if (escaped === '') return null;
  if (escaped === '-') return '/';
  if (escaped.startsWith('-') || escaped.endsWith('-')) return null;
  const path = unescapeUnitName(escaped);
  if (path === null || path.split('/').some((part) => part === '' || part === '.' || part === '..')) return null;
  return `/${path}`;
}
