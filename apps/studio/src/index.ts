export type { Studio, StudioOptions } from './serve.ts';
export { serveStudio, siteFolder } from './serve.ts';
