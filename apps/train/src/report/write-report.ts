import { requireWritable, writeFileAtomic } from '@vqkit/checkpoint/node';
import { filesToKeep } from '../run-folder.ts';
import { renderPage } from './page.ts';
import { readRuns } from './read-run.ts';

/**
 * Writes one self-contained HTML file about one or several finished runs side by side: numbers, pictures, diagnosis, curves,
 * entropies and the use of the codes. It opens from the disk without a network.
 *
 * @param runFolders folders that hold report-data.json.
 * @throws OptionError when a folder does not hold the data of a finished run.
 * @throws CheckpointError when the file cannot be written.
 * @example
 * await writeReport(['runs/mnist-lfq-1234', 'runs/mnist-fsq-1234'], 'report.html');
 */
export async function writeReport(runFolders: readonly string[], outFile: string): Promise<void> {
  const kept = await Promise.all(runFolders.map(filesToKeep));
  await requireWritable('writeReport', outFile, kept.flat());
  await writeFileAtomic(outFile, await renderPage(await readRuns('writeReport', runFolders)));
}
