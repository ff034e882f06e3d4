// What the workspace's packages depend on and the workspace itself does not: found from where they are used.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../apps/train/package.json', import.meta.url));

/** @type {typeof import('../../apps/train/node_modules/sharp/dist/index.mjs').default} */
export const sharp = require('sharp');
