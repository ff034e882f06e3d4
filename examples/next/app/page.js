'use client';
import { useEffect, useState } from 'react';

export default function Page() {
  const [results, setResults] = useState();
  useEffect(() => {
    const worker = new Worker(new URL('../worker.js', import.meta.url), { type: 'module' });
    const inWorker = new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => resolve({ error: message });
    });
    const inPage = import('../tokens.js').then(({ tokens }) => tokens());
    Promise.all([inPage, inWorker]).then(setResults);
    return () => worker.terminate();
  }, []);
  return <pre>{results && JSON.stringify(results)}</pre>;
}
