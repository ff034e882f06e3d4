import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { init } from '@vqkit/backend-node';
import { requireWritable, requireWritableFolder, withFileErrors, writeFileAtomic } from '@vqkit/checkpoint/node';
import { exportOnnx } from '@vqkit/onnx';
import { isAudioConfig, isVectorConfig, loadTokenizer, type Tokenizer, type TokenizerConfig } from '@vqkit/tokenizer';
import { filesToKeep, readTokenizer } from '@vqkit/train';
import { Command, Option } from 'commander';

const EXAMPLES = `
  vqkit export runs/mnist-fsq-1234 --out digits.safetensors
  vqkit export runs/mnist-fsq-1234 --out digits --format onnx

The file is all that loadTokenizer of @vqkit/tokenizer needs, in Node and in a
browser. ONNX is a folder of four graphs for onnxruntime: encoder, decoder,
and the quantizer alone, quantize and dequantize; images and sound are channels
first.
`;

export function command(): Command {
  return new Command('export')
    .description('Writes the tokenizer of a run into one file, without what only training needs.')
    .argument('<run>', 'a run folder, whose newest checkpoint is taken, a checkpoint, or a file of `vqkit export`')
    .option('--out <path>', 'where to write it: a file, of onnx a folder (default: tokenizer.safetensors, onnx)')
    .addOption(new Option('--format <format>', 'what to write').choices(['safetensors', 'onnx']).default('safetensors'))
    .addHelpText('after', EXAMPLES)
    .action(async (run: string, { out: given, format }: { out?: string; format: string }) => {
      if (format === 'onnx') return writeOnnx(run, given ?? 'onnx');
      const out = given ?? 'tokenizer.safetensors';
      await requireWritable('export', out, await filesToKeep(run));
      const bytes = await readTokenizer(run);
      await init();
      // What cannot be loaded is not written.
      const tokenizer = loadTokenizer(bytes, run);
      await writeFileAtomic(out, bytes);
      process.stdout.write(`${describe(tokenizer, bytes)}\n${out}\n`);
      tokenizer.dispose();
    });
}

/** All files are made before the first is written. */
async function writeOnnx(run: string, folder: string): Promise<void> {
  const bytes = await readTokenizer(run);
  await init();
  const tokenizer = loadTokenizer(bytes, run);
  try {
    const files = Object.entries(await exportOnnx(tokenizer)).map(([name, graph]): [string, Uint8Array] => [
      join(folder, `${name}.onnx`),
      graph as Uint8Array,
    ]);
    await withFileErrors('export', folder, 'be a folder that can be made', mkdir(folder, { recursive: true }));
    await requireWritableFolder('export', folder);
    for (const [path, graph] of files) await writeFileAtomic(path, graph);
    const lines = files.map(([path, graph]) => `${path}  ${(graph.length / 1000).toFixed(1)} kB`);
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    tokenizer.dispose();
  }
}

function describe(tokenizer: Tokenizer, bytes: Uint8Array): string {
  const { config, codebookSize, numCodebooks, bitsPerToken } = tokenizer;
  const codes = numCodebooks === 1 ? `${codebookSize} codes` : `${numCodebooks} × ${codebookSize} codes`;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return `${config.quantizer}: ${codes}, ${bitsPerToken.toFixed(2)} bits per token, a token for ${dataOf(config)}, ${(bytes.length / 1000).toFixed(1)} kB, SHA-256 ${sha256}`;
}

/** What a token stands for. */
function dataOf(config: TokenizerConfig): string {
  if (isVectorConfig(config)) return `a vector of ${config.features} numbers`;
  if (isAudioConfig(config)) {
    const { strides, sampleRate, channels } = config;
    const samples = strides.reduce((product, stride) => product * stride, 1);
    return `${samples} samples of ${sampleRate} a second, ${channels === 1 ? 'mono' : `${channels} channels`}`;
  }
  const side = 2 ** config.widths.length;
  const size = config.imageSize === undefined ? '' : `, trained on ${config.imageSize.join(' × ')} pixels`;
  const image = config.channels === 1 ? 'grey' : config.channels === 3 ? 'RGB' : `${config.channels} channels`;
  return `${side} × ${side} pixels, ${image}${size}`;
}
