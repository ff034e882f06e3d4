// The page stays free: the worker starts an engine of its own.
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
worker.onmessage = ({ data }) => {
  document.querySelector('pre').textContent = JSON.stringify(data);
};
worker.onerror = ({ message }) => {
  document.querySelector('pre').textContent = message;
};
