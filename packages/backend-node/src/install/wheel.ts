import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { firstLines, InstallError } from './error.ts';
import { firstThatRuns, runProgram } from './run.ts';

/** The TensorFlow that the binding was tried with. */
const TENSORFLOW = '2.21.0';
/** Which Python a wheel is for does not matter here, its library is not Python's: that of the running one, else any that there is. */
const PYTHONS = [undefined, '3.12', '3.11', '3.13', '3.10'];

/** Downloads the wheel of TensorFlow into a folder with pip, from wherever pip is configured to look, and gives its path. */
export async function downloadWheel(into: string, python: string | undefined): Promise<string> {
  const name = process.platform === 'linux' && process.arch === 'x64' ? 'tensorflow-cpu' : 'tensorflow';
  const pythons = python === undefined ? ['python3', 'python'] : [python];
  const pips = pythons.map((command) => [command, '-m', 'pip']);
  if (python === undefined) pips.push(['pip3'], ['pip']);
  const [command, ...before] = (await firstThatRuns(pips, ['--version'])) ?? [];
  if (command === undefined) {
    throw new InstallError(
      'pip',
      'run here',
      `none of ${pips.map((pip) => pip.join(' ')).join(', ')}`,
      'Install one (Debian and Ubuntu: apt-get install python3-pip), or name a Python with --python.',
    );
  }
  const [wheels, temporary] = [join(into, 'wheels'), join(into, 'pip')];
  for (const folder of [wheels, temporary]) mkdirSync(folder, { recursive: true });
  const quiet = [
    '--no-cache-dir',
    '--disable-pip-version-check',
    '--no-input',
    '--progress-bar',
    'off',
    '--retries',
    '1',
  ];
  let complaint = '';
  for (const version of PYTHONS) {
    const { code, stdout, stderr } = await runProgram(
      command,
      [...before, 'download', ...quiet, '--no-deps', ...tags(version), '--dest', wheels, `${name}==${TENSORFLOW}`],
      { cwd: into, env: { ...process.env, TMPDIR: temporary } },
    );
    const [wheel] = readdirSync(wheels).filter((file) => file.endsWith('.whl'));
    if (code === 0 && wheel !== undefined) return join(wheels, wheel);
    const errors = stderr.split('\n').filter((line) => /ERROR|error/.test(line));
    complaint ||= firstLines(errors.join('\n') || stderr || stdout, 2);
    if (!/No matching distribution/.test(stderr)) break;
  }
  throw new InstallError(
    'pip',
    `download ${name} ${TENSORFLOW}`,
    complaint,
    'Look at the network and at pip config, or download the wheel elsewhere and name it with --from.',
  );
}

/** What tells pip which wheels will do. */
function tags(python: string | undefined): string[] {
  const binary = ['--only-binary', ':all:'];
  if (python === undefined) return binary;
  const platforms = platformTags().flatMap((tag) => ['--platform', tag]);
  return [...binary, '--implementation', 'cp', '--python-version', python, ...platforms];
}

/** The platforms whose wheels run here, as pip names them. */
function platformTags(): string[] {
  const arch = process.arch === 'x64' ? 'x86_64' : process.platform === 'darwin' ? 'arm64' : 'aarch64';
  if (process.platform === 'darwin') return ['12_0', '11_0', '10_15'].map((version) => `macosx_${version}_${arch}`);
  const { glibcVersionRuntime = '2.17' } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } })
    .header;
  const minor = Number(glibcVersionRuntime.split('.')[1]);
  const newest = Array.from({ length: Math.max(0, minor - 16) }, (_, i) => `manylinux_2_${minor - i}_${arch}`);
  return [...newest, `manylinux2014_${arch}`];
}
