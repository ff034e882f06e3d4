import { type InstallOptions, installNative, nativeStatus, removeNative } from '@vqkit/backend-node/install';
import { Command, Option } from 'commander';
import { EXIT } from '../errors.ts';

type Given = Omit<InstallOptions, 'onProgress'>;

const EXAMPLES = `
Nothing is written outside the cache folder, and no root is needed. Without
--method, the download of tfjs-node is tried first (TFJS_NODE_BASE_URI names a
mirror), then pip. It needs the package @tensorflow/tfjs-node@4.22.0 and a C++
compiler:
  npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0
  vqkit native install
  vqkit native install --from tensorflow_cpu-2.21.0-cp312-cp312-manylinux.whl
`;

export function command(finish: (code: number) => void): Command {
  const cache = (): Option =>
    new Option('--cache <folder>', 'where installations stand; set VQKIT_NATIVE_CACHE to the same folder to use them');
  return new Command('native')
    .description('Installs native TensorFlow, the fastest engine of a Node process, or says what is there.')
    .addHelpText('after', EXAMPLES)
    .addCommand(
      new Command('install')
        .description('get the TensorFlow library, build its binding, test both')
        .addOption(new Option('--method <way>', 'how to get the library').choices(['official', 'path', 'pip']))
        .option('--from <path>', 'a folder with include and lib, an archive of one, or a wheel of tensorflow-cpu')
        .addOption(cache())
        .option('--python <program>', 'the Python whose pip is asked')
        .option('--compiler <program>', 'the C++ compiler')
        .option('--force', 'install again what is there already')
        .action(install),
    )
    .addCommand(
      new Command('status')
        .description('compare every file with its checksum, and test the binding')
        .addOption(cache())
        .option('--json', 'print the facts as JSON')
        .action(async (given: Given & { json?: boolean }) => finish(await status(given))),
    )
    .addCommand(new Command('remove').description('remove the installation').addOption(cache()).action(remove));
}

async function install(given: Given): Promise<void> {
  const { changed, folder, manifest } = await installNative({
    ...given,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  const what = `TensorFlow ${manifest.tensorflow} (${manifest.method}) in ${folder}`;
  process.stdout.write(changed ? `Installed ${what}\n` : `Nothing to do: ${what}\n`);
}

async function status({ cache, json }: Given & { json?: boolean }): Promise<number> {
  const found = await nativeStatus(cache);
  const { folder, manifest, damaged, fails } = found;
  const sound = manifest !== undefined && damaged.length === 0 && fails === undefined;
  const lines = [
    manifest === undefined
      ? `Nothing is installed in ${folder}.`
      : `TensorFlow ${manifest.tensorflow} in ${folder}, by ${manifest.method} from ${manifest.source}, ${manifest.createdAt}.`,
    ...damaged.map((file) => `${file} is missing or damaged.`),
    ...(fails === undefined ? [] : [`It does not pass its test here: ${fails}.`]),
    sound
      ? 'Every file has its checksum, and the binding passes its test.'
      : `Run: vqkit native install${manifest === undefined ? '' : ' --force'}`,
  ];
  process.stdout.write(json === true ? `${JSON.stringify(found, undefined, 2)}\n` : `${lines.join('\n')}\n`);
  return sound ? EXIT.ok : EXIT.failed;
}

async function remove({ cache }: Given): Promise<void> {
  process.stdout.write((await removeNative(cache)) ? 'Removed.\n' : 'Nothing was installed.\n');
}
