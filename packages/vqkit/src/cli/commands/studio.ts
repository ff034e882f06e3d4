import { phrase, UnsupportedError } from '@vqkit/core-tensor/errors';
import { Command, InvalidArgumentError } from 'commander';

/** What is called of @vqkit/studio, which is installed apart. */
interface StudioModule {
  serveStudio(options: {
    readonly paths: readonly string[];
    readonly port: number;
  }): Promise<{ readonly address: string }>;
}

/** By a name that the compiler does not follow: most users have none of it. */
const PACKAGE = '@vqkit/studio';

async function load(): Promise<StudioModule> {
  try {
    return (await import(PACKAGE)) as StudioModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const fix = `Run: npm install ${PACKAGE}`;
    throw new UnsupportedError('studio', PACKAGE, 'be installed', phrase('no such package'), fix, { cause: error });
  }
}

const EXAMPLES = `
  vqkit studio                        (train a small quantizer in the page, or try a tokenizer file)
  vqkit studio runs/lfq runs/fsq      (runs side by side, while they train too)
  vqkit studio digits.safetensors     (a tokenizer to try)

The page is for this machine alone: nothing leaves it. It comes with: npm install ${PACKAGE}
`;

export function command(): Command {
  return new Command('studio')
    .description(
      'Serves a page on this machine that shows runs as they train, trains before your eyes, and tries tokenizers.',
    )
    .argument('[runs...]', 'run folders, folders of runs, checkpoints and files of `vqkit export`')
    .option('--port <number>', 'The port on localhost, 0 for any that is free.', portOf, 8080)
    .addHelpText('after', EXAMPLES)
    .action(async (paths: string[], { port }: { port: number }) => {
      const { address } = await (await load()).serveStudio({ paths, port });
      process.stdout.write(`${address}\nOpen it in a browser. Ctrl-C ends it.\n`);
    });
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new InvalidArgumentError('It must be a port from 0 to 65535. Write for example 8080.');
}
