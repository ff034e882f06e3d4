import { counted } from '@vqkit/schema';
import { type DecodeOptions, decodeJsonSchema, decodeTokens } from '@vqkit/train';
import { Command } from 'commander';
import { addFlags, givenOf, runOnImages } from '../token-run.ts';

const EXAMPLES = `
  vqkit decode runs/mnist-fsq-1234 test.safetensors --limit 100 --out decoded

The tokens may be your own, of a language model: an .npy file of integers, or a
safetensors file with the tensor 'ids', of the shape that vqkit encode writes.
`;

export function command(finish: (code: number) => void): Command {
  const made = new Command('decode')
    .description('Turns a file of token ids into pictures, one PNG each.')
    .argument('<tokenizer>', 'a run folder, one of its checkpoints, or a file of `vqkit export`: what encoded them')
    .argument('<tokens>', 'the file, .safetensors or .npy')
    .addHelpText('after', EXAMPLES);
  const flags = addFlags(made, decodeJsonSchema());
  return made.action(async (tokenizer: string, tokens: string, given: Record<string, unknown>) => {
    const options = givenOf(flags, given) as DecodeOptions;
    const result = await runOnImages((hooks) => decodeTokens(tokenizer, tokens, options, hooks));
    if (typeof result === 'number') finish(result);
    else process.stdout.write(`${counted(result.images, 'picture')}\n${result.out}\n`);
  });
}
