// The gradients of tfjs-core's operations, for bundlers. Node takes the bundled twin (scripts/bundle-gradients.mjs).
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
