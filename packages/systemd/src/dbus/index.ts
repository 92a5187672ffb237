export { createDbusUnitManager, type DbusUnitManagerOptions } from './dbus-unit-manager.ts';
