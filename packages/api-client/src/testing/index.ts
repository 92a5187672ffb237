export { OriginalFleetd } from './original-fleetd.ts';
