import { dirname, join } from 'node:path';
import type { UnitSummary } from '@fleet/api/wire';
import { checkOptions, type TargetState } from '@fleet/model';
import { FleetError } from '@fleet/runtime';
import { checkRequirementNames, checkUnitName, hashUnitFile, isGlobal, isTemplateName, type UnitOption } from '@fleet/unit-parser';
import type { UnitArgument } from './unit-arguments.ts';

/** The command that submits; decides which units `replace` may touch. */
export type SubmitCommand = 'submit' | 'load' | 'start';

/** What is to be done about one argument. */
export type SubmitStep =
  | { readonly kind: 'create'; readonly name: string; readonly options: readonly UnitOption[]; readonly global: boolean; readonly difference: Difference | undefined; readonly warning: string | undefined }
  | { readonly kind: 'replace'; readonly name: string; readonly options: readonly UnitOption[]; readonly global: boolean; readonly before: UnitSummary; readonly warning: string | undefined }
  /** Leave it as it is; `difference` if a local file says otherwise. */
  | { readonly kind: 'keep'; readonly name: string; readonly before: UnitSummary; readonly difference: Difference | undefined }
  | { readonly kind: 'same'; readonly name: string; readonly before: UnitSummary }
  /** To be replaced, but it is wanted in a state that the command may not touch. */
  | { readonly kind: 'refuse'; readonly name: string; readonly before: UnitSummary };

/** A local file that says something else than the cluster. */
export interface Difference {
  /** Whose text differs: the unit's own, or its template's. */
  readonly name: string;
  readonly file: string;
  readonly template: boolean;
  readonly options: readonly UnitOption[];
}

export interface SubmissionInput {
  readonly arguments: readonly UnitArgument[];
  /** The units of the arguments that exist, by name. */
  readonly existing: ReadonlyMap<string, UnitSummary>;
  /** The templates on the server, of instances that need one, with their text. */
  readonly templates: ReadonlyMap<string, { readonly hash: string; readonly options: readonly UnitOption[] }>;
  readonly command: SubmitCommand;
  readonly replace: boolean;
}

const MAY_REPLACE: Readonly<Record<SubmitCommand, readonly TargetState[]>> = {
  submit: ['inactive'],
  load: ['inactive', 'loaded'],
  start: ['inactive', 'loaded', 'launched'],
};

/** The state in which a command creates units. */
export function targetOf(command: SubmitCommand): TargetState {
  return command === 'submit' ? 'inactive' : command === 'load' ? 'loaded' : 'launched';
}

function refuse(message: string, code: string): FleetError {
  return new FleetError(message, { code, kind: 'invalid' });
}

/**
 * Decides about every argument before anything is written, so that a mistake in the last one leaves nothing half done. What becomes of
 * each is as in fleet `fleetctl/fleetctl.go` lazyCreateUnits. Pure.
 *
 * @throws FleetError in the original's words, for the first argument that cannot be submitted.
 */
export function planSubmission(input: SubmissionInput): SubmitStep[] {
  const steps = new Map<string, SubmitStep>();
  for (const argument of input.arguments) {
    if (!steps.has(argument.name)) steps.set(argument.name, planArgument(argument, input));
  }
  return [...steps.values()];
}

function planArgument(argument: UnitArgument, input: SubmissionInput): SubmitStep {
  const { name } = argument;
  const before = input.existing.get(name);
  if (isTemplateName(name) && input.command !== 'submit') throw refuse(`cannot activate template ${JSON.stringify(name)}`, 'TEMPLATE_NOT_ACTIVATABLE');
  if (before === undefined) return planCreation(argument, input);

  const text = comparedText(argument, input.replace);
  const differs = text !== undefined && hashUnitFile(text.options) !== before.hash;
  if (!input.replace) return { kind: 'keep', name, before, difference: differs ? { ...text, name } : undefined };
  if (text === undefined) throw refuse(nothingToReplaceWith(argument), 'NOTHING_TO_REPLACE_WITH');
  if (!differs) return { kind: 'same', name, before };
  if (!MAY_REPLACE[input.command].includes(before.desiredState)) return { kind: 'refuse', name, before };
  return { kind: 'replace', name, before, options: text.options, global: isGlobal(text.options), warning: check(name, text.options) };
}

/** The local text that a unit in the cluster is held against; a file that cannot be read counts only when it is to replace the unit. */
function comparedText(argument: UnitArgument, replace: boolean): Omit<Difference, 'name'> | undefined {
  const { local, localTemplate } = argument;
  for (const [text, template] of [[local, false], [localTemplate, true]] as const) {
    if (text.kind === 'read') return { file: text.file, template, options: text.options };
    if (text.kind === 'unreadable' && replace) throw refuse(text.reason, 'UNREADABLE_UNIT_FILE');
  }
  return undefined;
}

function nothingToReplaceWith({ file, template }: UnitArgument): string {
  if (template === undefined) return `error Unit ${file} does not seem to be a template unit`;
  return `open ${join(dirname(file), template)}: no such file or directory`;
}

function planCreation(argument: UnitArgument, input: SubmissionInput): SubmitStep {
  const { name } = argument;
  const { options, difference } = findText(argument, input);
  return { kind: 'create', name, options, global: isGlobal(options), difference, warning: check(name, options) };
}

function findText(argument: UnitArgument, input: SubmissionInput): { options: readonly UnitOption[]; difference: Difference | undefined } {
  const { name, file, local, localTemplate, template } = argument;
  if (local.kind === 'read') return { options: local.options, difference: undefined };
  if (local.kind === 'unreadable') throw refuse(`failed getting Unit(${file}) from file: ${local.reason}`, 'UNREADABLE_UNIT_FILE');
  const badName = checkUnitName(name);
  if (template === undefined) throw refuse(badName ?? `unable to find Unit(${name}) in Registry or on filesystem`, badName === null ? 'UNIT_NOT_FOUND' : 'INVALID_UNIT_NAME');

  const onServer = input.templates.get(template);
  if (onServer !== undefined) {
    const differs = localTemplate.kind === 'read' && hashUnitFile(localTemplate.options) !== onServer.hash;
    return { options: onServer.options, difference: differs ? { name: template, file: localTemplate.file, template: true, options: localTemplate.options } : undefined };
  }
  const failed = (why: string): FleetError => refuse(`failed getting Unit(${file}) from template: ${why}`, 'TEMPLATE_NOT_FOUND');
  if (localTemplate.kind === 'missing') throw failed(`unable to find template Unit(${template}) in Registry or on filesystem`);
  if (localTemplate.kind === 'unreadable') throw failed(`unable to load template Unit(${template}) from file: ${localTemplate.reason}`);
  return { options: localTemplate.options, difference: undefined };
}

/** @throws FleetError when the server would refuse it. @returns a warning, if there is one. */
function check(name: string, options: readonly UnitOption[]): string | undefined {
  const badName = checkUnitName(name);
  if (badName !== null) throw refuse(badName, 'INVALID_UNIT');
  const admission = checkOptions(options);
  if (!admission.ok) throw refuse(admission.message, 'INVALID_UNIT');
  // The original found this out from the server.
  if (options.length === 0) throw refuse(`failed creating unit ${name}: its file has no options`, 'INVALID_UNIT');
  const unknown = checkRequirementNames(options);
  return unknown === null ? undefined : `Unit ${name}: ${unknown}`;
}

