import { writeReport } from '@vqkit/train';
import { Command } from 'commander';

export function command(): Command {
  return new Command('report')
    .description('Writes one self-contained report.html about one or several finished runs, side by side.')
    .argument('<folders...>', 'run folders, as `vqkit train` wrote them')
    .option('--out <file>', 'where to write it', 'report.html')
    .action(async (folders: string[], { out }: { out: string }) => {
      await writeReport(folders, out);
      process.stdout.write(`${out}\n`);
    });
}
