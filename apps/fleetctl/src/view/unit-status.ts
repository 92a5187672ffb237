import type { UnitStateInfo, UnitSummary } from '@fleet/api-client/fast';
import type { Style } from './style.ts';

/** As `systemctl status` for one that is not running. */
const EXIT_NOT_RUNNING = 3;

/** What a machine reports of a unit, in the shape of `systemctl status`; for machines without systemctl. */
export function formatUnitStatus(unit: UnitSummary, state: UnitStateInfo, where: string, style: Style): string {
  const paint = state.active === 'active' ? style.green : state.active === 'failed' ? style.red : style.bold;
  const description = unit.description === undefined || unit.description === '' ? '' : ` - ${unit.description}`;
  return [
    `${style.bold(unit.name)}${description}`,
    `     Loaded: ${state.load} (${state.hash.slice(0, 7)})`,
    `     Active: ${paint(`${state.active} (${state.sub})`)}`,
    `    Machine: ${where}`,
    ...(state.reason === undefined ? [] : [`     Reason: ${state.reason}`]),
    '',
  ].join('\n');
}

export function statusExitCode(state: Pick<UnitStateInfo, 'active'>): number {
  return state.active === 'inactive' || state.active === 'failed' ? EXIT_NOT_RUNNING : 0;
}
