import { MAX_OPTIONS } from '@fleet/api';
import { checkOptions, checkTargetState, isTargetState, TARGET_STATES, toUnitName, type TargetState, type UnitHash, type UnitName } from '@fleet/model';
import { FleetError } from '@fleet/runtime';
import { formatUnitFile, hashText, isGlobal, parseUnitFile, type UnitOption } from '@fleet/unit-parser';

/** Longest unit file that is taken, in bytes. It has to fit into one request to the store beside its records. */
const MAX_TEXT_BYTES = 1024 * 1024;

/** A unit file as it is stored: its text written by fleet, so that equal units have equal hashes. */
export interface AdmittedUnit {
  readonly text: string;
  readonly hash: UnitHash;
  readonly global: boolean;
}

/**
 * Checks the name of a unit to be written.
 *
 * @throws FleetError `UNIT_NAME_INVALID` in the original's words.
 */
export function admitName(name: string): UnitName {
  const read = toUnitName(name);
  if (!read.ok) throw new FleetError(read.message, { code: 'UNIT_NAME_INVALID', kind: 'invalid', remedy: 'see systemd.unit(5) for names' });
  return read.value;
}

/**
 * Checks the options of a unit to be written and gives them the form in which they are stored: values trimmed, options
 * grouped by section, exactly what a reader gets back.
 *
 * @throws FleetError `UNIT_OPTIONS_INVALID`: unreadable as a unit file, an impossible combination of requirements (both
 * in the original's words), too many or too long, or an option that text cannot hold, such as a value with a line break.
 */
export function admitOptions(options: readonly UnitOption[]): AdmittedUnit {
  if (options.length > MAX_OPTIONS) throw invalidOptions(`a unit cannot have more than ${MAX_OPTIONS} options, this one has ${options.length}`);
  const admission = checkOptions(options);
  if (!admission.ok) throw invalidOptions(admission.message);
  const text = formatUnitFile(admission.options);
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw invalidOptions(`the unit file is larger than ${MAX_TEXT_BYTES} bytes`);
  return { text, hash: hashText(text) as UnitHash, global: isGlobal(admission.options) };
}

/** {@link admitOptions} for the text of a unit file. */
export function admitText(text: string): AdmittedUnit {
  const read = parseUnitFile(text);
  if (!read.ok) throw invalidOptions(`line ${read.error.line}: ${read.error.message}`);
  if (read.options.length === 0) throw invalidOptions('the unit file has no options');
  return admitOptions(read.options);
}

/**
 * Checks a word for a desired state, and that a template is not started.
 *
 * @throws FleetError `DESIRED_STATE_INVALID`, `TEMPLATE_ACTIVATION`.
 */
export function admitTargetState(name: string, word: string): TargetState {
  if (!isTargetState(word)) {
    throw new FleetError(`desired state ${JSON.stringify(word)} is not one of ${TARGET_STATES.join(', ')}`, { code: 'DESIRED_STATE_INVALID', kind: 'invalid' });
  }
  const admission = checkTargetState(name, word);
  if (!admission.ok) throw new FleetError(admission.message, { code: 'TEMPLATE_ACTIVATION', kind: 'invalid', remedy: 'start an instance of it, such as web@1.service' });
  return word;
}

function invalidOptions(message: string): FleetError {
  return new FleetError(message, { code: 'UNIT_OPTIONS_INVALID', kind: 'invalid' });
}
