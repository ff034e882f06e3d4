import { execFileSync } from 'node:child_process';
import { accessSync, constants, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** Whether FIFOs can be made here; a test that needs a FIFO says in its name that it needs mkfifo. */
export const hasMkfifo = (process.env.PATH ?? '').split(delimiter).some((folder) => {
  try {
    accessSync(join(folder, 'mkfifo'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** Makes a file that is no regular file: a FIFO, or the socket of a server that has ended where there is no mkfifo. */
export async function makeSpecialFile(path: string): Promise<void> {
  if (hasMkfifo) {
    execFileSync('mkfifo', [path]);
    return;
  }
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(`${path}.`, resolve);
  });
  // A server that closes removes its socket, by the name it was made under.
  renameSync(`${path}.`, path);
  await new Promise((resolve) => server.close(resolve));
}
