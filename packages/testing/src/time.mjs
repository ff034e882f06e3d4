/**
 * For the packages' bench/ folders: runs `f` and prints the minimum and the median of its times in milliseconds.
 * @param {string} name
 * @param {() => unknown} f when it returns a promise, its time is included
 * @param {{ repetitions: number, warmUps: number }} options
 */
export async function time(name, f, { repetitions, warmUps }) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < repetitions + warmUps; i++) {
    const start = performance.now();
    const result = f();
    if (result instanceof Promise) await result;
    if (i >= warmUps) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const [min = 0, median = 0] = [times[0], times[repetitions >> 1]];
  console.log(`${name.padEnd(34)} min ${min.toFixed(2).padStart(8)}   median ${median.toFixed(2).padStart(8)}`);
}
