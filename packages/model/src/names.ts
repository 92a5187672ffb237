declare const brand: unique symbol;

/** The full name of a unit, such as `web@1.service`, once checked. */
export type UnitName = string & { readonly [brand]: 'UnitName' };
/** The id of a machine: the content of its `/etc/machine-id`, once checked. */
export type MachineId = string & { readonly [brand]: 'MachineId' };
/** SHA-1 of a serialised unit file, 40 lower case hex digits. */
export type UnitHash = string & { readonly [brand]: 'UnitHash' };
