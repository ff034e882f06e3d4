// Takes locks in a process of its own, on the built package, for the tests of locks.
// `hold <path>`: takes the lock, prints a line, and stays. `contend <path> <tries>`: tries as fast as it can and prints how often it held, was
// refused, and met another holder. `starters <folder>`: for each line on stdin tries the lock of that name, prints whether it has it, and
// keeps it until the next line.
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lockFile } from '@vqkit/backend-node/lock';

const [call, path = '', tries = '0'] = process.argv.slice(2);

if (call === 'hold') {
  await lockFile('test', path);
  console.log('held');
  setInterval(() => undefined, 1000);
} else if (call === 'contend') {
  const inside = `${path}.inside`;
  const counts = { held: 0, refused: 0, both: 0 };
  for (let i = 0; i < Number(tries); i++) {
    const lock = await lockFile('test', path);
    if ('heldBy' in lock) {
      counts.refused++;
      continue;
    }
    counts.held++;
    try {
      closeSync(openSync(inside, 'wx'));
    } catch {
      counts.both++;
    }
    if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random()));
    rmSync(inside, { force: true });
    lock.release();
  }
  console.log(JSON.stringify(counts));
} else {
  console.log('ready');
  let lock;
  for await (const name of createInterface({ input: process.stdin })) {
    lock?.release?.();
    lock = await lockFile('test', join(path, name));
    console.log('release' in lock ? 'held' : 'refused');
  }
}
