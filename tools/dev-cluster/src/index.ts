export { parseDemoOptions, type DemoOptions } from './options.ts';
export { runDemo, type DemoCluster } from './demo.ts';
