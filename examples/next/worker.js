import { tokens } from './tokens.js';

tokens().then((result) => postMessage(result));
