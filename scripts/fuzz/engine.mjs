import '@tensorflow/tfjs-backend-cpu';
import { setBackend } from '@tensorflow/tfjs-core';

/** The engine of plain JavaScript: it starts at once, and reading a file needs no speed. */
export async function startEngine() {
  await setBackend('cpu');
}
