/** What is wanted of a unit: known only, on a machine but not started, or started. */
export type TargetState = 'inactive' | 'loaded' | 'launched';

export const TARGET_STATES: readonly TargetState[] = ['inactive', 'loaded', 'launched'];

export function isTargetState(word: string): word is TargetState {
  return (TARGET_STATES as readonly string[]).includes(word);
}
