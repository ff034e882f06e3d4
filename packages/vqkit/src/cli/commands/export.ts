import { createHash } from 'node:crypto';
import { init } from '@vqkit/backend-node';
import { requireWritable, writeFileAtomic } from '@vqkit/checkpoint/node';
import { type ImageTokenizer, loadImageTokenizer } from '@vqkit/tokenizer';
import { filesToKeep, readTokenizer } from '@vqkit/train';
import { Command } from 'commander';

const EXAMPLES = `
  vqkit export runs/mnist-fsq-1234 --out digits.safetensors

The file is all that loadImageTokenizer of @vqkit/tokenizer needs, in Node and
in a browser.
`;

export function command(): Command {
  return new Command('export')
    .description('Writes the tokenizer of a run into one file, without what only training needs.')
    .argument('<run>', 'a run folder, whose newest checkpoint is taken, or a checkpoint')
    .option('--out <file>', 'where to write it', 'tokenizer.safetensors')
    .addHelpText('after', EXAMPLES)
    .action(async (run: string, { out }: { out: string }) => {
      await requireWritable('export', out, await filesToKeep(run));
      const bytes = await readTokenizer(run);
      await init();
      // What cannot be loaded is not written.
      const tokenizer = loadImageTokenizer(bytes, run);
      await writeFileAtomic(out, bytes);
      process.stdout.write(`${describe(tokenizer, bytes)}\n${out}\n`);
      tokenizer.dispose();
    });
}

function describe(tokenizer: ImageTokenizer, bytes: Uint8Array): string {
  const { config, codebookSize, numCodebooks, bitsPerToken, imageMultiple } = tokenizer;
  const codes = numCodebooks === 1 ? `${codebookSize} codes` : `${numCodebooks} × ${codebookSize} codes`;
  const size = config.imageSize === undefined ? '' : `, trained on ${config.imageSize.join(' × ')} pixels`;
  const image = config.channels === 1 ? 'grey' : config.channels === 3 ? 'RGB' : `${config.channels} channels`;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return `${config.quantizer}: ${codes}, ${bitsPerToken.toFixed(2)} bits per token, a token for ${imageMultiple} × ${imageMultiple} pixels, ${image}${size}, ${(bytes.length / 1000).toFixed(1)} kB, SHA-256 ${sha256}`;
}
