export { decodeText, encodeText } from './byte-text.ts';
export { checkRequirementCombinations, checkRequirementNames } from './combinations.ts';
export type { DiagnosticCode } from './diagnostics.ts';
export { escapePath, escapeUnitName, unescapePath, unescapeUnitName } from './escape.ts';
export { findUnfaithfulOption, type UnfaithfulOption } from './faithful.ts';
export { compileGlob, matchGlob, type Glob } from './glob.ts';
export { hashTextWith, hashUnitFileWith, type Sha1 } from './hash.ts';
export { parseUnitFile, type ParseResult } from './lexer.ts';
export { hashText, hashUnitFile } from './node-hash.ts';
export type { UnitParseError } from './parse-error.ts';
export { quoteText } from './quote.ts';
export { FLEET_OPTIONS, FLEET_SECTION, isGlobal, rawRequirements, readRequirements } from './requirements.ts';
export { substituteSpecifiers } from './specifiers.ts';
export type { Diagnostic, LocatedUnitOption, Requirements, Severity, UnitOption } from './types.ts';
export { formatUnitFile, groupBySection, sameOptions, unitDescription } from './unit-file.ts';
export {
  checkUnitName,
  isRecognizedUnitType,
  isTemplateName,
  parseUnitName,
  RECOGNIZED_UNIT_TYPES,
  TEMPLATE_TYPES,
  UNIT_TYPES,
  unitNameFromArgument,
  type UnitNameInfo,
} from './unit-name.ts';
export { verifyOptions, verifyUnitFile } from './verify.ts';
