const UNIT_PATH = '/org/freedesktop/systemd1/unit/';

/** The object path of a unit. Source: systemd `unit_dbus_path_from_name`, sd-bus `bus_label_escape`. */
export function objectPathOf(name: string): string {
  let escaped = '';
  for (const [index, byte] of Buffer.from(name).entries()) {
    const char = String.fromCharCode(byte);
    escaped += /[A-Za-z]/.test(char) || (index > 0 && /[0-9]/.test(char)) ? char : `_${byte.toString(16).padStart(2, '0')}`;
  }
  return `${UNIT_PATH}${escaped}`;
}

/** The name of the unit at an object path; `undefined` if it is another object's. */
export function unitNameOf(path: string): string | undefined {
  if (!path.startsWith(UNIT_PATH)) return undefined;
  const label = path.slice(UNIT_PATH.length);
  return Buffer.from(label.replaceAll(/_([0-9a-f]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString();
}
