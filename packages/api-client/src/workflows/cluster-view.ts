import type { ChangeEvent, MachineInfo, UnitStateInfo, UnitSummary } from '@fleet/api/wire';

/** What the change stream has told so far. */
export interface ClusterView {
  readonly units: ReadonlyMap<string, UnitSummary>;
  /** By unit, then by machine. */
  readonly states: ReadonlyMap<string, ReadonlyMap<string, UnitStateInfo>>;
  readonly machines: ReadonlyMap<string, MachineInfo>;
}

/** A {@link ClusterView} that follows a change stream. */
export class FollowedCluster implements ClusterView {
  readonly units = new Map<string, UnitSummary>();
  readonly states = new Map<string, Map<string, UnitStateInfo>>();
  readonly machines = new Map<string, MachineInfo>();

  /** Takes one change in and tells the name of the unit it is about; `null` when it is about none, or about all. */
  apply(change: ChangeEvent): string | null {
    switch (change.kind) {
      case 'progress':
        return null;
      case 'reset':
        this.units.clear();
        this.states.clear();
        this.machines.clear();
        for (const unit of change.units) this.units.set(unit.name, unit);
        for (const state of change.states) this.setState(state);
        for (const machine of change.machines) this.machines.set(machine.id, machine);
        return null;
      case 'unit':
        if (change.value === null) this.units.delete(change.id);
        else this.units.set(change.id, change.value);
        return change.id;
      case 'state': {
        if (change.value !== null) {
          this.setState(change.value);
          return change.value.name;
        }
        const slash = change.id.indexOf('/');
        const unit = change.id.slice(slash + 1);
        const byMachine = this.states.get(unit);
        byMachine?.delete(change.id.slice(0, slash));
        if (byMachine?.size === 0) this.states.delete(unit);
        return unit;
      }
      case 'machine':
        if (change.value === null) this.machines.delete(change.id);
        else this.machines.set(change.id, change.value);
        return null;
    }
    return null;
  }

  private setState(state: UnitStateInfo): void {
    const byMachine = this.states.get(state.name);
    if (byMachine === undefined) this.states.set(state.name, new Map([[state.machineID, state]]));
    else byMachine.set(state.machineID, state);
  }
}
