import type { MachineId, TargetState } from '@fleet/model';
import type { Reason } from './types.ts';

/** What is wrong with a machine for a unit, with the original's words for it (fleet `agent/state.go` AbleToRun). */
export interface Unfit {
  readonly code: 'machine-id' | 'metadata' | 'machine-of' | 'conflict';
  readonly text: string;
  readonly because?: string;
}

export const targetInactive: Reason = { code: 'target-inactive', text: 'target state inactive' };

export const becameGlobal: Reason = { code: 'became-global', text: 'unit is global and runs on every machine that fits' };

export const unitGone: Reason = { code: 'unit-gone', text: 'unit is gone' };

export function machineGone(machine: MachineId): Reason {
  return { code: 'machine-gone', text: `target Machine(${machine}) went away` };
}

export function machineUnfit(machine: MachineId, unfit: Unfit): Reason {
  return {
    code: 'machine-unfit',
    text: `target Machine(${machine}) unable to run unit: ${unfit.text}`,
    rejection: unfit.code,
    ...(unfit.because === undefined ? {} : { because: unfit.because }),
  };
}

/** Says why `replaced` moves: the original's text names the unit that leaves, `because` the one that makes it leave. */
export function replaced(machine: MachineId, replaced: string, replacer: string): Reason {
  return {
    code: 'replaced',
    text: `target Machine(${machine}) unable to run unit: found replace with locally-scheduled Unit(${replaced})`,
    because: replacer,
  };
}

const NOT_SCHEDULED: Readonly<Record<TargetState, Reason>> = {
  inactive: { code: 'not-scheduled', text: 'target state inactive and unit not scheduled' },
  loaded: { code: 'not-scheduled', text: 'target state loaded and unit not scheduled' },
  launched: { code: 'not-scheduled', text: 'target state launched and unit not scheduled' },
};

export function notScheduled(targetState: TargetState): Reason {
  return NOT_SCHEDULED[targetState];
}

export function wrongMachineId(machine: MachineId, wanted: string): Unfit {
  return { code: 'machine-id', text: `agent ID ${quoteGo(machine)} does not match required ${quoteGo(wanted)}` };
}

export const metadataInsufficient: Unfit = { code: 'metadata', text: 'local Machine metadata insufficient' };

export function peerMissing(peer: string): Unfit {
  return { code: 'machine-of', text: `required peer Unit(${peer}) is not scheduled locally`, because: peer };
}

/** The original names the unit itself when the other one declares the conflict; `because` always names the other. */
export function conflictFound(unit: string, other: string, declaredByOther: boolean): Unfit {
  return { code: 'conflict', text: `found conflict with locally-scheduled Unit([${declaredByOther ? unit : other}])`, because: other };
}

/** As Go's `%q` writes a text. */
function quoteGo(text: string): string {
  let quoted = '';
  for (const character of text) quoted += quoteCharacter(character);
  return `"${quoted}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

function quoteCharacter(character: string): string {
  const escape = ESCAPES[character];
  if (escape !== undefined) return escape;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (character === ' ' || (code < 0x7f) || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character)) return character;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
