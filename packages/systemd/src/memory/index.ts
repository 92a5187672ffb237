export { createMemorySystemd, type MemorySystemd, type MemorySystemdControl, type MemorySystemdOptions } from './memory-systemd.ts';
export type { MemoryCall } from './memory-unit-manager.ts';
