/** What can be wanted of a unit: known only, on a machine but not started, or started. */
export const TARGET_STATES = ['inactive', 'loaded', 'launched'] as const;

export type TargetState = (typeof TARGET_STATES)[number];

/** Whether a word from outside is one of {@link TARGET_STATES}. */
export function isTargetState(word: string): word is TargetState {
  return (TARGET_STATES as readonly string[]).includes(word);
}
