import { Command, CommanderError } from 'commander';
import { EXIT, exitCodeOf, messageOf } from './errors.ts';
import { typedNames } from './option-names.ts';
import { packageVersion } from './version.ts';

interface CommandModule {
  readonly command: (finish: (code: number) => void) => Command;
}

/** Every command, in the order of the help. A module is loaded only when its command is called: `doctor` loads no trainer. */
const COMMANDS: readonly { name: string; summary: string; load: () => Promise<CommandModule> }[] = [
  {
    name: 'train',
    summary: 'train an image tokenizer and write its run folder',
    load: () => import('./commands/train.ts'),
  },
  {
    name: 'report',
    summary: 'write one report.html about one or several runs',
    load: () => import('./commands/report.ts'),
  },
  {
    name: 'export',
    summary: 'write the tokenizer of a run into one file, for Node and the browser',
    load: () => import('./commands/export.ts'),
  },
  {
    name: 'encode',
    summary: 'turn images or vectors into a file of token ids, or a folder of shards',
    load: () => import('./commands/encode.ts'),
  },
  {
    name: 'decode',
    summary: 'turn a file of token ids into pictures',
    load: () => import('./commands/decode.ts'),
  },
  {
    name: 'merge',
    summary: 'check a folder of shards, add up its statistics, write one file of it',
    load: () => import('./commands/merge.ts'),
  },
  {
    name: 'tokens',
    summary: 'say what a file of token ids or a folder of shards holds',
    load: () => import('./commands/tokens.ts'),
  },
  {
    name: 'queue',
    summary: 'encode shards on machines that come and go (npm install @vqkit/queue)',
    load: () => import('./commands/queue.ts'),
  },
  {
    name: 'studio',
    summary: 'show runs as they train, and try tokenizers, in a page (npm install @vqkit/studio)',
    load: () => import('./commands/studio.ts'),
  },
  {
    name: 'inspect',
    summary: 'list the layers of a tokenizer, or the tensors of a checkpoint',
    load: () => import('./commands/inspect.ts'),
  },
  {
    name: 'import',
    summary: 'write the quantizer of a published model into a file of its own',
    load: () => import('./commands/import.ts'),
  },
  {
    name: 'doctor',
    summary: 'say which engines run here, why not a faster one, and what to do about it',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'native',
    summary: 'install native TensorFlow for this user, or say what is there',
    load: () => import('./commands/native.ts'),
  },
  {
    name: 'bench',
    summary: 'run an experiment of the benchmark harness (in a clone of the repository)',
    load: () => import('./commands/bench.ts'),
  },
];

const DEBUG = 'show the stack of an error';

/**
 * Runs the command line and gives its exit code. Errors are one line on stderr; `--debug` adds the stack.
 * @param args the arguments without node and the script.
 */
export async function runCli(args: readonly string[]): Promise<number> {
  // A reader that closes the pipe early (`vqkit … | head`) is no error, and no reason to end the work that goes on: what would be printed is
  // not. EIO is a terminal that has gone.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    });
  }
  const called = args.find((arg) => !arg.startsWith('-'));
  let code: number = EXIT.ok;
  const program = new Command('vqkit')
    .description('Vector quantization for TypeScript: train image tokenizers with any of its quantizers, and run them.')
    .version(packageVersion(), '-v, --version')
    .option('--debug', DEBUG)
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage or option, 129, 130 and 143 stopped\nby SIGHUP, Ctrl-C or SIGTERM.\nEvery command has --help.',
    );
  let running: Command | undefined;
  program.hook('preAction', (_, command) => {
    running = command;
  });
  quiet(program);
  for (const { name, summary, load } of COMMANDS) {
    const command =
      name === called
        ? (await load()).command((finished) => {
            code = finished;
          })
        : new Command(name);
    program.addCommand(quiet(command.summary(summary).option('--debug', DEBUG)));
  }
  try {
    if (args.length === 0) program.help();
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const names = running === undefined ? undefined : typedNames(running);
    process.stderr.write(`${messageOf(error, args.includes('--debug'), names)}\n`);
    return exitCodeOf(error);
  }
}

/** Commander throws instead of ending the process, and leaves the message to us; inner commands too. */
function quiet(command: Command): Command {
  for (const inner of command.commands) if (inner.name() !== 'help') quiet(inner.option('--debug', DEBUG));
  return command.exitOverride().configureOutput({ outputError: () => undefined });
}
