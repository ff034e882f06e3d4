import { join } from 'node:path';
import { writeFileAtomic } from '@vqkit/checkpoint/node';
import { folderStore, requireComplete, requireMergeable, surveyShards, tokenReport, writeMerged } from '@vqkit/tokens';
import { Command } from 'commander';
import { createImageProgress } from '../image-progress.ts';
import { surveyText } from '../shard-run.ts';

const EXAMPLES = `
  vqkit merge ids
  vqkit merge ids --out ids.parquet
`;

export function command(): Command {
  return new Command('merge')
    .description(
      'Checks that a folder of shards is whole, every byte of it, and adds up their statistics, which it prints and writes into statistics.json there.',
    )
    .argument('<folder>', 'a folder of `vqkit encode --shards`')
    .option('--out <file>', 'Writes all ids into this file too: .safetensors, .npy (not of sounds), .parquet or .tar.')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, { out }: { out?: string }) => {
      if (out !== undefined) await requireMergeable('merge', out, folder);
      const store = folderStore(folder);
      const progress = createImageProgress(process.stderr, 'shards');
      let started = false;
      const onShard = (done: number, shards: number): void => {
        if (!started) progress.start(shards);
        started = true;
        progress.done(done);
      };
      const survey = await surveyShards(store, { onShard }).finally(() => progress.stop());
      requireComplete('merge', store, survey);
      const { manifest, examples, skipped, statistics, engines, samples } = survey;
      const codebooks = tokenReport(statistics, manifest.codebookSize);
      const seconds = manifest.sound === undefined ? {} : { seconds: samples / manifest.sound.sampleRate };
      const facts = { manifest: manifest.sha256, examples, ...seconds, skipped, engines, codebooks };
      await writeFileAtomic(join(folder, 'statistics.json'), `${JSON.stringify(facts, null, 1)}\n`);
      if (out !== undefined) await writeMerged(out, store);
      process.stdout.write(`${surveyText(survey)}${out ?? folder}\n`);
    });
}
