export { createEngine, ENGINE_VERSION, type Engine, type EngineOptions, type EngineRegistry, type EngineStatus } from './engine.ts';
export type { EngineObserver } from './engine-observer.ts';
export type { EvacuationPause } from './machine-judge.ts';
