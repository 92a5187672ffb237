import type { UnitSummary } from '@fleet/api/wire';
import { hashUnitFile, type UnitOption } from '@fleet/unit-parser';
import { describe, expect, it } from '@jest/globals';
import { planSubmission, type SubmissionInput, type SubmitStep } from './plan-submission.ts';
import type { LocalText, UnitArgument } from './unit-arguments.ts';

const text = (value: string, extra: readonly UnitOption[] = []): UnitOption[] => [{ section: 'Service', name: 'ExecStart', value }, ...extra];
const read = (file: string, value: string, extra?: readonly UnitOption[]): LocalText => ({ kind: 'read', file, options: text(value, extra) });
const MISSING: LocalText = { kind: 'missing' };
const argument = (over: Partial<UnitArgument> = {}): UnitArgument => ({ argument: 'a', name: 'a.service', file: 'a.service', template: undefined, local: MISSING, localTemplate: MISSING, ...over });
const instance = (over: Partial<UnitArgument> = {}): UnitArgument => argument({ argument: 'd/w@1', name: 'w@1.service', file: 'd/w@1.service', template: 'w@.service', ...over });
const summary = (name: string, value: string, desiredState: UnitSummary['desiredState'] = 'inactive'): UnitSummary => ({ name, hash: hashUnitFile(text(value)), desiredState, currentState: 'inactive', global: false, generation: 1 });
const input = (over: Partial<SubmissionInput>): SubmissionInput => ({ arguments: [argument()], existing: new Map(), templates: new Map(), command: 'start', replace: false, ...over });
const existing = (unit: UnitSummary): SubmissionInput['existing'] => new Map([[unit.name, unit]]);
const template = (value: string): SubmissionInput['templates'] => new Map([['w@.service', { hash: hashUnitFile(text(value)), options: text(value) }]]);

const STEPS: readonly { name: string; input: SubmissionInput; expected: readonly object[] }[] = [
  { name: 'creates from its file', input: input({ arguments: [argument({ local: read('a.service', '1') })] }), expected: [{ kind: 'create', name: 'a.service', options: text('1'), global: false, difference: undefined, warning: undefined }] },
  { name: 'each unit once', input: input({ arguments: [argument({ local: read('a.service', '1') }), argument({ local: read('a.service', '1') })] }), expected: [{ kind: 'create' }] },
  { name: 'an instance from the template in the cluster', input: input({ arguments: [instance()], templates: template('1') }), expected: [{ kind: 'create', options: text('1'), difference: undefined }] },
  { name: 'saying so when the local template differs', input: input({ arguments: [instance({ localTemplate: read('d/w@.service', '2') })], templates: template('1') }), expected: [{ kind: 'create', options: text('1'), difference: { name: 'w@.service', file: 'd/w@.service', template: true } }] },
  { name: 'an instance from the template beside it', input: input({ arguments: [instance({ localTemplate: read('d/w@.service', '2') })] }), expected: [{ kind: 'create', options: text('2') }] },
  { name: 'keeps what is the same', input: input({ arguments: [argument({ local: read('a.service', '1') })], existing: existing(summary('a.service', '1')) }), expected: [{ kind: 'keep', difference: undefined }] },
  { name: 'keeps what has no file', input: input({ existing: existing(summary('a.service', '1')) }), expected: [{ kind: 'keep', difference: undefined }] },
  { name: 'keeps what differs, saying so', input: input({ arguments: [argument({ local: read('a.service', '2') })], existing: existing(summary('a.service', '1')) }), expected: [{ kind: 'keep', difference: { name: 'a.service', file: 'a.service', template: false } }] },
  { name: 'keeps a unit whose file cannot be read', input: input({ arguments: [argument({ local: { kind: 'unreadable', reason: 'x' } })], existing: existing(summary('a.service', '1')) }), expected: [{ kind: 'keep', difference: undefined }] },
  { name: 'replaces what differs', input: input({ replace: true, arguments: [argument({ local: read('a.service', '2') })], existing: existing(summary('a.service', '1', 'launched')) }), expected: [{ kind: 'replace', options: text('2') }] },
  { name: 'replaces an instance by the template beside it, which is what it was held against', input: input({ replace: true, arguments: [instance({ localTemplate: read('d/w@.service', '2') })], existing: existing(summary('w@1.service', '1')), templates: template('1') }), expected: [{ kind: 'replace', options: text('2') }] },
  { name: 'replaces nothing that is the same', input: input({ replace: true, arguments: [argument({ local: read('a.service', '1') })], existing: existing(summary('a.service', '1')) }), expected: [{ kind: 'same' }] },
  ...(
    [
      ['submit', 'inactive', 'replace'],
      ['submit', 'loaded', 'refuse'],
      ['submit', 'launched', 'refuse'],
      ['load', 'loaded', 'replace'],
      ['load', 'launched', 'refuse'],
      ['start', 'launched', 'replace'],
    ] as const
  ).map(([command, state, kind]) => ({
    name: `${command} --replace of a unit that is wanted ${state}: ${kind}`,
    input: input({ command, replace: true, arguments: [argument({ local: read('a.service', '2') })], existing: existing(summary('a.service', '1', state)) }),
    expected: [{ kind }],
  })),
  { name: 'warns of an unknown option', input: input({ arguments: [argument({ local: read('a.service', '1', [{ section: 'X-Fleet', name: 'Colour', value: 'red' }]) })] }), expected: [{ kind: 'create', warning: 'Unit a.service: unrecognized requirement in [X-Fleet] section: "Colour"' }] },
  { name: 'knows a global unit', input: input({ arguments: [argument({ local: read('a.service', '1', [{ section: 'X-Fleet', name: 'Global', value: 'true' }]) })] }), expected: [{ kind: 'create', global: true }] },
];

const REFUSED: readonly { name: string; input: SubmissionInput; message: string }[] = [
  { name: 'neither file nor unit', input: input({}), message: 'unable to find Unit(a.service) in Registry or on filesystem' },
  { name: 'a file that cannot be read', input: input({ arguments: [argument({ local: { kind: 'unreadable', reason: 'read a.service: is a directory' } })] }), message: 'failed getting Unit(a.service) from file: read a.service: is a directory' },
  { name: 'no template', input: input({ arguments: [instance()] }), message: 'failed getting Unit(d/w@1.service) from template: unable to find template Unit(w@.service) in Registry or on filesystem' },
  { name: 'a template file that cannot be read', input: input({ arguments: [instance({ localTemplate: { kind: 'unreadable', reason: 'x' } })] }), message: 'failed getting Unit(d/w@1.service) from template: unable to load template Unit(w@.service) from file: x' },
  { name: 'nothing to replace with', input: input({ replace: true, existing: existing(summary('a.service', '1')) }), message: 'error Unit a.service does not seem to be a template unit' },
  { name: 'no template file to replace an instance with', input: input({ replace: true, arguments: [instance()], existing: existing(summary('w@1.service', '1')) }), message: 'open d/w@.service: no such file or directory' },
  { name: 'a file without options', input: input({ arguments: [argument({ local: { kind: 'read', file: 'a.service', options: [] } })] }), message: 'failed creating unit a.service: its file has no options' },
  { name: 'text that is not UTF-8, which would not get to the cluster as it is', input: input({ arguments: [argument({ local: read('a.service', 'caf\udce9') })] }), message: 'option "ExecStart" of section [Service]: the text is not valid UTF-8' },
  { name: 'a value that would swallow the next line', input: input({ arguments: [argument({ local: read('a.service', 'x \\', [{ section: 'Service', name: 'User', value: 'u' }]) })] }), message: 'option "ExecStart" of section [Service]: the value ends in "\\", so the next line would become part of it' },
  { name: 'a bad name', input: input({ arguments: [argument({ name: 'a b.service', local: read('a b.service', '1') })] }), message: "invalid character ' ' in unit name" },
  { name: 'starting a template', input: input({ arguments: [argument({ name: 'w@.service' })] }), message: 'cannot activate template "w@.service"' },
  { name: 'a combination that cannot be', input: input({ arguments: [argument({ local: read('a.service', '1', [{ section: 'X-Fleet', name: 'Global', value: 'true' }, { section: 'X-Fleet', name: 'MachineOf', value: 'b.service' }]) })] }), message: 'Global cannot be used with Peers' },
];

describe('planSubmission', () => {
  for (const { name, input: given, expected } of STEPS) {
    it(name, () => {
      const steps: readonly SubmitStep[] = planSubmission(given);
      expect(steps).toHaveLength(expected.length);
      expect(steps).toMatchObject(expected);
    });
  }
  for (const { name, input: given, message } of REFUSED) {
    it(`refuses ${name}`, () => {
      expect(() => planSubmission(given)).toThrow(message);
    });
  }
});
