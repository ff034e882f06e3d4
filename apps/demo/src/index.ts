export type { Demo, DemoOptions } from './serve.ts';
export { serveDemo } from './serve.ts';
