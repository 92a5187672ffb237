import type { ChangeEvent, MachineInfo, UnitStateInfo, UnitSummary } from '@fleet/api';
import { stateInfo, type ClusterView } from '../cache/cluster-view.ts';
import type { StreamFilter } from './change-hub.ts';

/** Everything there is, as far as a filter lets it through, as of the view's revision. */
export function snapshotEvent(view: ClusterView, filter: StreamFilter | null): ChangeEvent {
  const wants = (kind: 'units' | 'states' | 'machines'): boolean => filter?.kinds?.has(kind) ?? true;
  const named = (name: string): boolean => filter?.name?.test(name) ?? true;
  const units: UnitSummary[] = [];
  const states: UnitStateInfo[] = [];
  const machines: MachineInfo[] = [];
  if (wants('units')) {
    for (const name of view.unitNames.all) {
      const unit = named(name) ? view.unit(name) : undefined;
      if (unit !== undefined) units.push(view.summary(unit));
    }
  }
  if (wants('states')) {
    for (const key of view.stateKeys.all) {
      const at = key.lastIndexOf(' ');
      const state = named(key.slice(0, at)) ? view.state(key.slice(0, at), key.slice(at + 1)) : undefined;
      if (state !== undefined) states.push(stateInfo(state));
    }
  }
  if (wants('machines')) {
    for (const id of view.machineIds.all) {
      const machine = view.machine(id);
      if (machine !== undefined) machines.push(view.machineInfo(machine));
    }
  }
  return { kind: 'reset', revision: view.revision, units, states, machines };
}
