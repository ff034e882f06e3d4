import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '@vqkit/core-tensor/errors';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeReconstructions } from '../src/modalities/images/shown.ts';
import { writeReport } from '../src/report/index.ts';
import type { ImagePairs } from '../src/report-data.ts';
import { fakeReportData, writeRun } from './fake-run.ts';

let root: string;
let out: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vqkit-report-'));
  out = join(root, 'report.html');
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Writes the runs, their report, and gives the page. */
async function pageOf(...runs: unknown[]): Promise<string> {
  const folders = await Promise.all(runs.map((data, i) => writeRun(join(root, `run${i}`), data)));
  await writeReport(folders, out);
  return await readFile(out, 'utf8');
}

/** The text of the page as a reader sees it. */
function textOf(page: string): string {
  return page
    .replace(/<style>[\s\S]*?<\/style>|<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ');
}

const withImages = (change: object): object => ({
  ...fakeReportData(),
  images: { ...fakeReportData().images, ...change },
});
const withConfig = (change: object): object => ({
  ...fakeReportData(),
  config: { ...fakeReportData().config, ...change },
});
const withSummary = (change: object): object => ({
  ...fakeReportData(),
  summary: { ...fakeReportData().summary, ...change },
});

describe('writeReport', () => {
  it('shows one run: numbers, pictures, diagnosis, curves, entropies, histogram, configuration', async () => {
    const page = await pageOf(fakeReportData({ quantizer: 'lfq' }));
    const text = textOf(page);
    for (const part of ['LFQ on MNIST', '0.1131', '18.45 dB', '200 of 256', '150.0', '7.23 of 8', '12.3 steps/s']) {
      expect(text).toContain(part);
    }
    for (const part of ['1 min 4 s', 'Nothing wrong found.', 'ln K = 5.55', 'ln N = 8.05', '"batchSize": 64']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('56 are unused');
    // Six curves, one entropy chart, one histogram.
    expect(page.match(/<svg /g)).toHaveLength(8);
    expect(page.match(/<img [^>]*src="data:image\/png;base64,/g)).toHaveLength(2);
    expect(await readdir(root)).toEqual(['report.html', 'run0']);
  });

  it('shows the layers of a stack, with an error where there is one', async () => {
    const plain = fakeReportData({ quantizer: 'residual-fsq' });
    const layer = { codebookSize: 240, used: 120, utilization: 0.5, perplexity: 61.25 };
    const layers = [
      { ...layer, error: 0.125 },
      { ...layer, used: 240, utilization: 1, error: null },
    ];
    const { test } = plain.summary;
    const summary = { ...plain.summary, test: { ...test, codes: { ...test.codes, layers } } };
    const text = textOf(await pageOf({ ...plain, summary }));
    for (const part of ['Residual FSQ on MNIST', 'Layer Codes used Perplexity Error', '0 120 of 240 61.3 0.125'])
      expect(text).toContain(part);
    expect(text).toContain('1 240 of 240 61.3 –');
    expect(textOf(await pageOf(plain))).not.toContain('Layer Codes used');
  });

  it('shows several runs side by side and the originals once', async () => {
    const runs = (['lfq', 'fsq', 'simvq'] as const).map((quantizer) => fakeReportData({ quantizer }));
    const page = await pageOf(...runs);
    expect(textOf(page)).toContain('LFQ, FSQ and SimVQ on MNIST');
    expect(textOf(page)).toContain('K = 256');
    expect(textOf(page)).toContain('K = 240');
    expect(page.match(/<svg /g)).toHaveLength(6 + 3 + 3);
    expect(page.match(/<img /g)).toHaveLength(1 + 3);
    expect(page).toContain('stroke="var(--run-2)"');
  });

  it('shows the originals of each run when they differ', async () => {
    const other = fakeReportData();
    const pictures = other.images as ImagePairs;
    const negated = { ...pictures, originals: pictures.originals.map((x) => -x) };
    const page = await pageOf(fakeReportData(), { ...other, images: negated });
    expect(page.match(/<img /g)).toHaveLength(4);
  });

  it('names runs of one quantizer by seed, else by folder', async () => {
    expect(textOf(await pageOf(fakeReportData({ seed: 1 }), fakeReportData({ seed: 2 })))).toContain(
      'LFQ, seed 1 and LFQ, seed 2 on MNIST',
    );
    expect(textOf(await pageOf(fakeReportData(), fakeReportData()))).toContain('LFQ (run0) and LFQ (run1) on MNIST');
  });

  it('names runs of one quantizer, seed and name of folder by their paths, and refuses one run twice', async () => {
    const [a, b] = [
      await writeRun(join(root, 'a', 'run'), fakeReportData()),
      await writeRun(join(root, 'b', 'run'), fakeReportData()),
    ];
    await writeReport([a, b], out);
    expect(textOf(await readFile(out, 'utf8'))).toContain(`LFQ (${a}) and LFQ (${b}) on MNIST`);
    await expect(writeReport([a, b, `${a}/`], out)).rejects.toThrow(`must name every run once, got ${a} twice.`);
  });

  it('replaces no file that a run needs', async () => {
    const run = await writeRun(join(root, 'run'), fakeReportData());
    for (const name of ['report-data.json', 'config.json']) {
      await writeFile(join(run, name), await readFile(join(run, 'report-data.json')));
      const before = await readFile(join(run, name), 'utf8');
      await expect(writeReport([run], join(run, name))).rejects.toThrow(/must not be what it is made of/);
      expect(await readFile(join(run, name), 'utf8')).toBe(before);
    }
    await writeReport([run], join(run, 'report.html'));
    await writeReport([run], join(run, 'report.html'));
  });

  it('tells what the diagnosis found and the remedy', async () => {
    const diagnosis = [
      {
        name: 'scaleDrift',
        severity: 'critical' as const,
        message: 'Latents grew 40 times.',
        remedy: 'normalise them.',
      },
    ];
    const text = textOf(await pageOf(fakeReportData({}, { diagnosis })));
    expect(text).toContain('Scale drift. Latents grew 40 times. Try: normalise them.');
    expect(text).not.toContain('Nothing wrong found.');
  });

  it('says beside each comparison how many tokens and bits an image takes', async () => {
    const text = textOf(await pageOf(fakeReportData({ quantizer: 'lfq' }), fakeReportData({ quantizer: 'fsq' })));
    // 4,900 tokens of 100 images; 256 and 240 codes, perplexity 150.
    expect(text).toContain(
      'Bits per image as stored, and with an ideal entropy coder; compare runs of equal bits 392 (354.2) bits 387.4 (354.2) bits',
    );
    expect(text).toContain('LFQ L1 0.1131, 49 tokens and 392 (354.2) bits an image');
    expect(text).toContain('from 49 tokens of 7.2 bits an image');
  });

  it('lists the options that differ between runs, and no others', async () => {
    const runs = [{ batchSize: 32 }, { batchSize: 64, quantizerOptions: { codebookSize: 64 } }];
    const text = textOf(await pageOf(...runs.map((options) => fakeReportData(options))));
    expect(text).toMatch(/What differs between the runs Option LFQ \(run0\) LFQ \(run1\) batchSize 32 64 /);
    expect(text).toContain('Options that not all of them have: 1');
    expect(text).toMatch(/quantizerOptions\.codebookSize – 64/);
    expect(textOf(await pageOf(fakeReportData(), fakeReportData()))).toContain('The runs have the same options.');
    expect(textOf(await pageOf(fakeReportData()))).not.toContain('What differs');
  });

  it('shows the command to type next as text', async () => {
    const finding = { name: 'still improving', severity: 'warning', message: 'It rose.', remedy: 'Go on.' } as const;
    const page = await pageOf(
      fakeReportData({}, { diagnosis: [{ ...finding, command: "vqkit train --resume '<b>'" }] }),
    );
    expect(textOf(page)).toContain("Try: Go on. vqkit train --resume '<b>'");
    expect(page).not.toContain('<b>');
  });

  it('enlarges its pictures by a click or a key, without a script', async () => {
    const page = await pageOf(fakeReportData());
    expect(page).toContain('<input type="checkbox" class="zoom" id="enlarge">');
    expect(page.match(/<label class="strip" for="enlarge"/g)).toHaveLength(2);
    expect(page).toContain('.zoom:checked ~ .scroll .strip');
  });

  it('loads nothing, from nowhere, and runs no script', async () => {
    const page = await pageOf(fakeReportData());
    expect(page).toContain(`content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"`);
    expect(page.match(/<script|<link rel="stylesheet|@import|url\(|\son[a-z]+=/i)).toBeNull();
    const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address ?? '');
    expect(addresses.filter((address) => !address.startsWith('data:'))).toEqual([]);
    expect(page.replaceAll('http://www.w3.org/', '').match(/https?:/)).toBeNull();
  });

  it('escapes every text that comes from a run', async () => {
    const evil = `</style><script>alert("1")</script>&'`;
    const data = fakeReportData(
      { dataPath: evil, data: 'folder', quantizerOptions: { [evil]: evil } },
      { diagnosis: [{ name: evil, severity: 'warning', message: evil, remedy: evil }] },
    );
    const page = await pageOf({
      ...data,
      summary: {
        ...data.summary,
        quantizer: evil,
        engine: evil,
        test: { ...data.summary.test, codes: { ...data.summary.test.codes, statistics: { [evil]: 1 } } },
      },
    });
    expect(page.includes('<script')).toBe(false);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(textOf(page)).toContain(evil.slice(evil.indexOf('alert'), evil.indexOf('</script>')));
  });

  it('shows a perfect, a failed and an almost empty run without NaN', async () => {
    const base = fakeReportData();
    const quality = { l1: 0, mse: 0, psnrDb: null, ssim: null };
    const perfect = { ...base, summary: { ...base.summary, test: { ...base.summary.test, quality } } };
    const failed = fakeReportData({ seed: 2 });
    const unmeasured = { ...failed.summary.test, quality: { l1: null, mse: null, psnrDb: null, ssim: null } };
    const noImages = { count: 0, height: 12, width: 12, channels: 1, originals: [], reconstructions: [] };
    const page = await pageOf(
      perfect,
      { ...failed, summary: { ...failed.summary, test: unmeasured } },
      { ...fakeReportData({ seed: 3 }), history: [], histograms: [], images: noImages },
    );
    expect(textOf(page).match(/NaN|undefined|Infinity/)).toBeNull();
    expect(page.match(/="[^"]*(NaN|undefined|Infinity)/)).toBeNull();
    expect(textOf(page)).toContain('exact');
  });

  it('keeps the file small for a run of a hundred thousand steps and a large codebook', async () => {
    const data = fakeReportData({ steps: 100_000 });
    const counts = Array.from({ length: 200_000 }, (_, i) => 1 + (i % 1000));
    const histograms = [{ codebookSize: 2 ** 18, codes: counts.map((_, i) => i), counts }];
    expect((await pageOf({ ...data, histograms })).length).toBeLessThan(400_000);
  });

  it.each([
    ['no folders', [], /runFolders must have at least one folder, got none/],
    ['a missing folder', ['none'], /none.report-data\.json must be a readable file, got ENOENT/],
  ])('refuses %s', async (_, folders, message) => {
    const call = writeReport(
      folders.map((name) => join(root, name)),
      out,
    );
    await expect(call).rejects.toThrow(OptionError);
    await expect(
      writeReport(
        folders.map((name) => join(root, name)),
        out,
      ),
    ).rejects.toThrow(message);
    expect(await readdir(root)).toEqual([]);
  });

  it.each([
    ['another version', { ...fakeReportData(), formatVersion: 2 }, /report data, got formatVersion = 2 \(.*expected 1/],
    ['no object', 7, /must hold a run's report data, got 7/],
    [
      'a picture 4e9 pixels high',
      withImages({ count: 0, height: 4e9, originals: [], reconstructions: [] }),
      /got images\.height = 4000000000/,
    ],
    ['a thousand pictures', withImages({ count: 1000 }), /got images\.count = 1000/],
    ['a path that is no text', withConfig({ dataPath: 3 }), /got config\.dataPath = 3/],
    ['a summary of objects', withSummary({ more: {} }), /got summary\.more = {}/],
    [
      'no codes',
      { ...fakeReportData(), histograms: [{ codebookSize: 2, codes: [2], counts: [1] }] },
      /codes below codebookSize/,
    ],
    ['a missing part', { ...fakeReportData(), images: undefined }, /got images = undefined/],
    ['a wrong field', { ...fakeReportData(), history: [{ kind: 'train', step: 'x' }] }, /got history\.0\.step = "x"/],
    [
      'pixels missing',
      { ...fakeReportData(), images: { ...fakeReportData().images, originals: [1] } },
      /got images = .*count × height/,
    ],
    [
      'counts missing',
      { ...fakeReportData(), histograms: [{ codebookSize: 2, codes: [1], counts: [] }] },
      /got histograms\.0 = .*as many counts/,
    ],
  ])('refuses report data with %s', async (_, data, message) => {
    const folder = await writeRun(join(root, 'run'), data);
    await expect(writeReport([folder], out)).rejects.toThrow(OptionError);
    await expect(writeReport([folder], out)).rejects.toThrow(message);
  });

  it('refuses values nested 3,000 deep', async () => {
    const folder = await writeRun(join(root, 'run'), {});
    const text = JSON.stringify(fakeReportData()).slice(0, -1);
    await writeFile(join(folder, 'report-data.json'), `${text},"more":${'['.repeat(3000)}${']'.repeat(3000)}}`);
    await expect(writeReport([folder], out)).rejects.toThrow(/report-data\.json must be JSON nested at most 64 deep/);
  });

  it('refuses a file that is not JSON', async () => {
    const folder = await writeRun(join(root, 'run'), {});
    await writeFile(join(folder, 'report-data.json'), '{');
    await expect(writeReport([folder], out)).rejects.toThrow(/report-data\.json must be JSON in UTF-8, got /);
  });

  it('fails with the path when the file cannot be written', async () => {
    const folder = await writeRun(join(root, 'run'), fakeReportData());
    await expect(writeReport([folder], join(root, 'none', 'report.html'))).rejects.toThrow(
      /report\.html must be written/,
    );
  });
});

describe('writeReconstructions', () => {
  it('writes originals above reconstructions, whole pixels enlarged, clamped', async () => {
    const images = { count: 2, height: 4, width: 4, channels: 1 as const };
    const originals = [...Array<number>(16).fill(1), ...Array<number>(16).fill(-1)];
    const reconstructions = [...Array<number>(16).fill(-7), ...Array<number>(16).fill(0.5)];
    const data = fakeReportData({}, { images: { ...images, originals, reconstructions } });
    const folder = await writeRun(join(root, 'run'), data);
    await writeReconstructions(folder);
    const { data: rgba, info } = await sharp(join(folder, 'reconstructions.png'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([10 * 16, 10 * 16, 4]);
    const at = (x: number, y: number): number[] => [...rgba.subarray((y * 160 + x) * 4, (y * 160 + x) * 4 + 4)];
    expect(at(0, 0)).toEqual([255, 255, 255, 255]);
    expect(at(159, 0)).toEqual([0, 0, 0, 255]);
    expect(at(0, 159)).toEqual([0, 0, 0, 255]);
    expect(at(159, 159)).toEqual([191, 191, 191, 255]);
    expect(at(80, 80)[3]).toBe(0);
  });

  it('keeps the channels of colour images apart', async () => {
    const images = { count: 1, height: 1, width: 2, channels: 3 as const };
    const pixels = [1, -1, 0, -1, 1, 1];
    const data = fakeReportData({}, { images: { ...images, originals: pixels, reconstructions: pixels } });
    const folder = await writeRun(join(root, 'run'), data);
    await writeReconstructions(folder);
    const { data: rgba } = await sharp(join(folder, 'reconstructions.png')).raw().toBuffer({ resolveWithObject: true });
    expect([...rgba.subarray(0, 4)]).toEqual([255, 0, 128, 255]);
    expect([...rgba.subarray(63 * 4, 64 * 4)]).toEqual([0, 255, 255, 255]);
  });
});
