export { ensureBuilt as setup } from '../scripts/setup.mjs';
