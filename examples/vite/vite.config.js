import { defineConfig } from 'vite';

// A page that is cross-origin isolated has threads; without these headers it runs on one.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig({ server: { headers }, preview: { headers } });
