import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configJsonSchema } from '@vqkit/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vqkit, vqkitHere, writeTinyData } from './cli.ts';

let root: string;
/** Flags of a run that takes a second or two. */
let tiny: string[];
/** Such a run. */
let done: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vqkit-cli-'));
  const data = await writeTinyData(join(root, 'data'));
  tiny = [
    'train',
    '--data',
    'idx',
    '--data-path',
    data,
    '--validation-size',
    '8',
    '--batch-size',
    '8',
    '--widths',
    '4,8',
  ];
  tiny.push('--steps', '6', '--validate-every', '3');
  done = join(root, 'done');
  expect((await vqkit([...tiny, '--quantizer', 'fsq', '--seed', '0', '--out-dir', done])).code).toBe(0);
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function readJson(...path: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(root, ...path), 'utf8')) as Record<string, unknown>;
}

describe('help', () => {
  it('lists the commands and the exit codes', async () => {
    const { code, stdout, stderr } = await vqkit([]);
    expect([code, stderr]).toEqual([0, '']);
    for (const part of ['train', 'report', 'doctor', 'Exit codes: 0 done', 'train image tokenizers']) {
      expect(stdout).toContain(part);
    }
    expect((await vqkit(['--help'])).stdout).toBe(stdout);
  });

  it('gives the version', async () => {
    const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as object;
    const { code, stdout } = await vqkit(['--version']);
    expect([code, stdout]).toEqual([0, `${(manifest as { version: string }).version}\n`]);
  });

  it('describes every option of train', async () => {
    const { code, stdout } = await vqkitHere(['train', '--help']);
    expect(code).toBe(0);
    for (const flag of [
      '--config',
      '--resume',
      '--set',
      '--preset',
      '--quantizer-options',
      '--steps',
      '--batch-size',
    ]) {
      expect(stdout).toContain(flag);
    }
    for (const flag of ['--betas <a,b,…>', '--no-clamp-output', '--engine <name>', '--keep-checkpoints']) {
      expect(stdout).toContain(flag);
    }
    expect(stdout).toContain('--quantizer fsq --levels 8,5,5,5');
    expect(stdout).toMatch(/--entropy-weight <number> +Weight of the entropy loss\. Only lfq\./);
  });

  it.each([
    '',
    'train',
    'report',
    'export',
    'encode',
    'decode',
    'inspect',
    'import',
    'doctor',
    'native',
    'native install',
    'native status',
    'native remove',
    'bench',
    'bench list',
    'bench compare',
    'bench docs',
  ])('fits 80 columns and cuts no word: vqkit %s', async (command) => {
    const { code, stdout } = await vqkitHere([...command.split(' ').filter((word) => word !== ''), '--help']);
    expect(code).toBe(0);
    expect(stdout.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
  });

  it('shows the options of train in groups, each description whole', async () => {
    const { stdout } = await vqkitHere(['train', '--help']);
    expect(stdout.match(/^[A-Z]\w+:$/gm)?.join(' ')).toBe(
      'Options: Data: Tokenizer: Images: Discriminator: Vectors: Sound: Training: Run: Presets:',
    );
    const words = stdout.replace(/\s+/g, ' ');
    for (const { description = '' } of Object.values(configJsonSchema().properties ?? {}) as {
      description?: string;
    }[]) {
      expect(words).toContain(description);
    }
  });

  it.each(['report', 'doctor'])('describes %s', async (command) => {
    const { code, stdout } = await vqkitHere([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: vqkit ${command} [options]`);
  });
});

describe('bad usage ends with code 2 and one line', () => {
  it.each<[string, RegExp]>([
    ['tarin', /^error: unknown command 'tarin' \(Did you mean train\?\)$/],
    ['train --step 3', /^error: unknown option '--step' \(Did you mean --steps\?\)$/],
    ['train --steps', /option '--steps <integer>' argument missing/],
    ['train --steps many', /option '--steps <integer>' argument 'many' is invalid. It must be a number/],
    ['train --steps 0', /loadConfig: --steps must be >= 1, got 0/],
    ['train --steps 1.5', /loadConfig: --steps must be an integer, got 1.5/],
    ['train --quantizer pq', /'pq' is invalid. It must be one of lfq, fsq, simvq/],
    ['train --set stepz=3', /loadConfig: options must have no 'stepz', got .+. Did you mean 'steps'\?/],
    ['train --set steps', /'--set <name=value>' must have a name and a value, got 'steps'/],
    ['train --set steps="x"', /loadConfig: steps must be a number, got "x"/],
    ['train --quantizer-options [', /It must be JSON/],
    ['train --config none.json', /loadConfig: none.json must be a readable file, got ENOENT/],
    ['train --config bad.json', /loadConfig: bad.json must be JSON in UTF-8, got /],
    ['train --config unknown.json', /loadConfig: unknown.json: options must have no 'quantiser', .+ 'quantizer'\?/],
    ['train --config bad.json --resume x', /option '--config <file>' cannot be used with option '--resume <folder>'/],
    ['train --resume none', /none must be the folder of a run, got ENOENT/],
    ['train --data folder', /--data-path must be given for --data 'folder'/],
    ['train --data folder --image-size 30 --data-path x', /--image-size must be a multiple of 4/],
    [
      'train --data mnist --data-path x',
      /--data-path must not be given with --data 'mnist', which comes along, got "x"/,
    ],
    [
      'train --validation-size 60000',
      /--validation-size and --test-size must leave images to train on, got 60000 and 0/,
    ],
    ['train --quantizer lfq --codebook-size 7', /createLfq: --codebook-size must be a power of two, got 7/],
    ['train --quantizer fsq --levels 1,2', /createFsq: --levels\[0\] must be an integer >= 2, got 1/],
    ['train --quantizer lfq --entropy-weight -1', /createLfq: --entropy-weight must be a finite number >= 0, got -1/],
    ['train --threads 100', /init: --threads must be an integer from 1 to 64, got 100/],
    ['train now', /too many arguments for 'train'/],
    ['report', /missing required argument 'folders'/],
    ['report none', /writeReport: none.report-data.json must be a readable file, got ENOENT/],
    ['doctor --fast', /unknown option '--fast'/],
  ])('vqkit %s', async (line, message) => {
    await writeFile(join(root, 'bad.json'), '{ steps: 3 }');
    await writeFile(join(root, 'unknown.json'), '{ "quantiser": "fsq" }');
    const { code, stdout, stderr } = await vqkitHere(line.split(' '), root);
    expect(stderr.trim()).toMatch(message);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect([code, stdout]).toEqual([2, '']);
    expect(existsSync(join(root, 'runs'))).toBe(false);
  });

  it('shows the stack with --debug, before or after the command', async () => {
    for (const args of [
      ['--debug', 'train', '--steps', '0'],
      ['train', '--steps', '0', '--debug'],
    ]) {
      const { code, stderr } = await vqkit(args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^OptionError: loadConfig: --steps must be >= 1, got 0[^\n]*\n {4}at /);
    }
  });
});

describe('train', () => {
  it.each([
    ['lfq', 'codebookSize=16', 16],
    ['fsq', 'levels=[4,3]', 12],
    ['simvq', 'codebookSize=16', 16],
  ])('trains %s into a run folder', async (quantizer, option, codebookSize) => {
    const out = join(root, `train-${quantizer}`);
    const set = ['--set', `quantizerOptions.${option}`];
    const { code, stdout, stderr } = await vqkit([...tiny, '--quantizer', quantizer, ...set, '--out-dir', out]);
    expect(code).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toMatch(
      new RegExp(
        `^${quantizer}: test L1 \\d\\.\\d{4}, PSNR \\d+\\.\\d\\d dB \\(plain shrinking \\d+\\.\\d\\d dB\\), \\d+ of ${codebookSize} codes, perplexity `,
      ),
    );
    expect(lines[1]).toBe(join(out, 'report.html'));
    expect(stderr).toMatch(/parameters, 40 training, 8 validation and 48 test images, engine /);
    expect(stderr).toMatch(/step 3\/6 {2}validation .* dB, perplexity /);
    expect(stderr).toMatch(/step 6\/6 {2}loss .* steps\/s/);
    expect((await readdir(out)).sort()).toEqual([
      'checkpoints',
      'config.json',
      'metrics.jsonl',
      'reconstructions.png',
      'report-data.json',
      'report.html',
      'snapshot.json',
      'summary.json',
    ]);
  });

  it('takes defaults, then preset, then file, then flags, then --set', async () => {
    const file = join(root, 'config.json');
    const quantizerOptions = { levels: [4, 4], preserveSymmetry: true };
    const fromFile = { quantizer: 'fsq', quantizerOptions, steps: 2, logEvery: 4, seed: 5, clampOutput: true };
    await writeFile(file, JSON.stringify(fromFile));
    const out = join(root, 'precedence');
    const flags = ['--config', file, '--preset', 'start', '--seed', '6', '--no-clamp-output', '--set', 'eps=1e-7'];
    flags.push('--set', 'quantizerOptions.levels=[3,3]');
    expect((await vqkit([...tiny, ...flags, '--out-dir', out])).code).toBe(0);
    expect(await readJson('precedence', 'config.json')).toMatchObject({
      quantizer: 'fsq',
      quantizerOptions: { levels: [3, 3], preserveSymmetry: true },
      logEvery: 4,
      seed: 6,
      clampOutput: false,
      eps: 1e-7,
      steps: 6,
      validateEvery: 3,
      batchSize: 8,
    });
  });

  it('takes the options of the quantizer as flags, over those of the file and under --set', async () => {
    const file = join(root, 'quantizer.json');
    const fromFile = { quantizer: 'simvq', quantizerOptions: { codebookSize: 8, commitmentWeight: 3, exact: true } };
    await writeFile(file, JSON.stringify(fromFile));
    const out = join(root, 'flags');
    const flags = ['--config', file, '--codebook-size', '16', '--commitment-weight', '0.5', '--no-rotation'];
    flags.push('--set', 'quantizerOptions.commitmentWeight=2');
    expect((await vqkit([...tiny, ...flags, '--out-dir', out])).code).toBe(0);
    const quantizerOptions = { codebookSize: 16, commitmentWeight: 2, rotationTrick: false, exact: true };
    expect(await readJson('flags', 'config.json')).toMatchObject({ quantizer: 'simvq', quantizerOptions });
  });

  it('refuses a flag of another quantizer, and says which has it', async () => {
    const { code, stderr } = await vqkitHere([
      ...tiny,
      '--quantizer',
      'lfq',
      '--levels',
      '5,5',
      '--out-dir',
      join(root, 'no'),
    ]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "error: option '--levels' must go with a quantizer that has it (fsq), got lfq. It has --codebook-size, --dim, --entropy-weight, --commitment-weight, --inv-temperature, --spherical, --bit-order; others with --set quantizerOptions.name=value.\n",
    );
  });

  it('reports what is wrong with the options of the quantizer', async () => {
    const out = join(root, 'wrong');
    const { code, stderr } = await vqkitHere([
      ...tiny,
      '--quantizer',
      'fsq',
      '--set',
      'quantizerOptions.lefels=[5]',
      '--out-dir',
      out,
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: createFsq: options must have no 'lefels', got .+. Known options: .*levels/);
    expect(existsSync(out)).toBe(false);
  });

  it('does not write over a run', async () => {
    const { code, stderr } = await vqkitHere([...tiny, '--quantizer', 'fsq', '--out-dir', done]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: train: --out-dir must not hold a run yet, got .*--resume/);
  });

  // signals.test.ts sends the others.
  it('stops on SIGINT with a checkpoint, code 130 and the way to go on', async () => {
    const out = join(root, "it's stopped by $(SIGINT)");
    let sent = false;
    const { code, stderr, stdout } = await vqkit(
      [...tiny, '--quantizer', 'fsq', '--steps', '1000000', '--validate-every', '20', '--out-dir', out],
      {
        onStderr(text, kill) {
          if (sent || !text.includes('step 20/')) return;
          sent = true;
          kill('SIGINT');
        },
      },
    );
    expect([code, stdout]).toEqual([130, '']);
    const [, step, folder] = /Stopped after step (\d+)\. Go on with: vqkit train --resume (.*)\n/.exec(stderr) ?? [];
    expect(execFileSync('sh', ['-c', `printf %s ${folder}`], { encoding: 'utf8' })).toBe(out);
    expect(await readdir(join(out, 'checkpoints'))).toContain(`step-${step}.safetensors`);
    const resumed = await vqkit(['train', '--resume', out, '--steps', String(Number(step) + 3)]);
    expect(resumed.code).toBe(0);
    expect(resumed.stdout).toContain(join(out, 'report.html'));
  });

  it('refuses to change what a resumed run computes', async () => {
    const { code, stderr } = await vqkitHere(['train', '--resume', done, '--batch-size', '4']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: resumeTraining: --batch-size must stay 8 in a resumed run, got 4/);
  });

  it('ends with code 1 on damaged data and on a loss that is not finite', async () => {
    const broken = join(root, 'broken');
    await writeTinyData(broken);
    await writeFile(join(broken, 'train-images-idx3-ubyte'), 'not images');
    const data = await vqkit([...tiny, '--data-path', broken, '--quantizer', 'fsq', '--out-dir', join(root, 'no')]);
    expect(data.code).toBe(1);
    // Native TensorFlow has lines of its own before it.
    expect(data.stderr).toMatch(/^error: .*train-images-idx3-ubyte/m);

    const out = join(root, 'diverged');
    const huge = ['--learning-rate', '1e38', '--steps', '50'];
    const diverged = await vqkit([...tiny, ...huge, '--quantizer', 'fsq', '--out-dir', out]);
    expect(diverged.code).toBe(1);
    expect(diverged.stderr).toMatch(/error: [^\n]+(finite|NaN|Infinity)[^\n]*\n$/);
    expect(await readJson('diverged', 'failure.json')).toHaveProperty('lastGoodCheckpoint');
  });
});

describe('report', () => {
  it('writes one page about several runs and says where', async () => {
    const second = join(root, 'second');
    expect((await vqkit([...tiny, '--quantizer', 'fsq', '--seed', '1', '--out-dir', second])).code).toBe(0);
    const out = join(root, 'both.html');
    const { code, stdout } = await vqkit(['report', done, second, '--out', out]);
    expect([code, stdout]).toEqual([0, `${out}\n`]);
    expect(await readFile(out, 'utf8')).toContain('FSQ, seed 0 and FSQ, seed 1 on data');
  });

  it('ends with code 1 when the page cannot be written', async () => {
    const { code, stderr } = await vqkit(['report', done, '--out', join(root, 'none', 'x.html')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: writeReport: .*x\.html must be written, got ENOENT/);
  });
});
