import { tokens } from './tokens.js';

document.querySelector('pre').textContent = JSON.stringify(await tokens());
