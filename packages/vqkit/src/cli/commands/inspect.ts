import { bytesPerValue, count } from '@vqkit/checkpoint';
import { loadCodec, openWeights, type TensorInfo } from '@vqkit/codecs';
import { QuantizerError } from '@vqkit/core-tensor';
import { Command } from 'commander';
import { printable } from '../bar.ts';
import { isOfVqkit, networkTable } from '../network.ts';
import { onnxTable } from '../onnx.ts';
import { describeCodec, scalesOf, sourceFrom } from '../published.ts';

const EXAMPLES = `
  vqkit inspect runs/mnist-fsq-1234
  vqkit inspect model.safetensors
  vqkit inspect vqgan.ckpt --model taming-vqgan
  vqkit inspect https://example.org/model.safetensors

Of a run, a checkpoint or a tokenizer of vqkit it lists the layers. Of others it
reads .safetensors, .npz and what torch.save wrote (.pt, .pth, .ckpt,
.bin), and executes nothing. Of an .onnx file it lists operations, operator
sets and initialisers.
`;

export function command(): Command {
  return new Command('inspect')
    .description('Lists the layers of a tokenizer, or the tensors of a checkpoint and which quantizer it holds.')
    .argument('<file>', 'a run folder, a path, or an address whose server sends ranges')
    .option('--model <name>', 'say which model it is, where keys alone do not tell')
    .option('--scales <list>', 'sides of the scales of var or infinity, such as 1,2,3,4', scalesOf)
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: { model?: string; scales?: number[] }) => {
      if (await isOfVqkit(file)) {
        process.stdout.write(`${await networkTable(file)}\n`);
        return;
      }
      if (/\.onnx$/i.test(file)) {
        process.stdout.write(`${await onnxTable(file)}\n`);
        // Most are something else, which nobody asked about.
        const codec = await loadCodec(await sourceFrom(file), options).catch(() => undefined);
        if (codec !== undefined) process.stdout.write(`${describeCodec(codec)}\n`);
        return;
      }
      const source = await sourceFrom(file);
      const { format, tensors } = await openWeights(source);
      const rows = [...tensors].map(
        ([name, info]) => `${printable(name)}\t${info.dtype}\t[${info.shape.join(', ')}]\t${bytesOf(info)}`,
      );
      const bytes = [...tensors.values()].reduce((sum, info) => sum + bytesOf(info), 0);
      const heading = `${format}: ${tensors.size} ${tensors.size === 1 ? 'tensor' : 'tensors'}, ${(bytes / 1e6).toFixed(1)} MB`;
      const what = await loadCodec(source, options).then(describeCodec, (error: unknown) => {
        if (error instanceof QuantizerError) return printable(error.message);
        throw error;
      });
      process.stdout.write(`${[...rows, heading, what].join('\n')}\n`);
    });
}

function bytesOf({ dtype, shape }: TensorInfo): number {
  return bytesPerValue(dtype) * count(shape);
}
