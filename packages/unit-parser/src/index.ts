export type { Diagnostic, LocatedUnitOption, Requirements, Severity, UnitOption } from './types.ts';
