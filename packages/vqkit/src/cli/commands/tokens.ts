import { counted } from '@vqkit/schema';
import {
  countTokens,
  folderStore,
  mergeStatistics,
  openRowIds,
  readTokens,
  shardsAt,
  soundNotesAt,
  surveyShards,
  type TokenStatistics,
  tokenReport,
} from '@vqkit/tokens';
import { Command } from 'commander';
import { EXIT } from '../errors.ts';
import { shapeText, surveyText, useLines } from '../shard-run.ts';

const EXAMPLES = `
  vqkit tokens ids
  vqkit tokens ids/ids-00042-of-00100.npy
  vqkit tokens test.safetensors
`;

/** Rows of ids that are read at a time. */
const ROWS = 65536;

export function command(finish: (code: number) => void): Command {
  return new Command('tokens')
    .description(
      'Says what a file of token ids or a folder of shards holds, how much of it is there, and how the codes are used.',
    )
    .argument('<path>', 'a folder of `vqkit encode --shards`, one of its shards, or a file of tokens')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string) => {
      const found = await shardsAt(path);
      if (found === undefined) process.stdout.write(await fileText(path));
      else if (found.to - found.from < found.shards.manifest.examples) process.stdout.write(await shardText(found));
      else finish(await folderText(path));
    });
}

async function folderText(path: string): Promise<number> {
  const survey = await surveyShards(folderStore(path), { bytes: false });
  const { manifest, missing, damaged } = survey;
  const { tokenizer, source, vqkit } = manifest;
  const lost = [...missing, ...damaged.map(({ shard }) => shard)];
  process.stdout.write(
    `${manifest.examples} examples of ${source.paths.join(', ') || String(source.options.data)}, ${source.order}; tokenizer ${tokenizer.sha256.slice(0, 12)}…, vqkit ${vqkit}\n${surveyText(survey)}`,
  );
  if (lost.length === 0) return EXIT.ok;
  const named = lost.slice(0, 10).join(', ');
  process.stdout.write(`not there: ${counted(lost.length, 'shard')} (${named}${lost.length > 10 ? ', …' : ''})\n`);
  return EXIT.ok;
}

async function shardText({ shards, from }: NonNullable<Awaited<ReturnType<typeof shardsAt>>>): Promise<string> {
  const { manifest } = shards;
  const shard = manifest.shards.findIndex((range) => range.from === from);
  const { file, examples, to, skipped, engine, statistics } = await shards.record(shard);
  await shards.read(shard);
  const lines = [
    `shard ${shard} of ${manifest.shards.length}: ${file.name}, whole, ${file.bytes} bytes, examples ${from} to ${to}, engine ${engine}`,
    `${counted(examples, 'example')}, ${skipped.length} skipped, ids ${shapeText(manifest)}${manifest.packed ? ', packed' : ''}`,
    ...useLines(tokenReport(statistics, manifest.codebookSize)),
  ];
  return `${lines.join('\n')}\n`;
}

async function fileText(path: string): Promise<string> {
  const { shape, numCodebooks, codebookSize, statistics, note } = path.endsWith('.parquet')
    ? await rowFacts(path)
    : await tokenFacts(path);
  const largest = statistics.codebooks.reduce((most, { codes }) => Math.max(most, codes.at(-1) ?? 0), 0);
  const known = codebookSize ?? largest + 1;
  const size = codebookSize === undefined ? ' (the number of codes is not in the file: taken from the largest id)' : '';
  const lines = [
    `ids of shape ${shape.join(' × ')}, ${counted(numCodebooks, 'codebook')} of ${known} codes${size}${note}`,
    ...useLines(tokenReport(statistics, known)),
  ];
  return `${lines.join('\n')}\n`;
}

interface TokenFacts {
  readonly shape: readonly number[];
  readonly numCodebooks: number;
  readonly codebookSize: number | undefined;
  readonly statistics: TokenStatistics;
  readonly note: string;
}

async function tokenFacts(path: string): Promise<TokenFacts> {
  const { ids, shape, notes: ofImages } = await readTokens(path);
  const ofSounds = ofImages === undefined ? await soundNotesAt(path) : undefined;
  const notes = ofImages ?? ofSounds;
  const numCodebooks = notes?.numCodebooks ?? (shape.length > 3 ? codebooksOf(shape.slice(1)) : 1);
  const statistics = countTokens(ids, { examples: ofSounds?.sounds.length ?? shape[0] ?? 0, numCodebooks });
  const recordings = ofSounds === undefined ? '' : `, ${counted(ofSounds.sounds.length, 'recording')} end to end`;
  const tokenizer = notes === undefined ? '' : `, tokenizer ${notes.tokenizer.slice(0, 12)}…`;
  return { shape, numCodebooks, codebookSize: notes?.codebookSize, statistics, note: recordings + tokenizer };
}

/** Of a vector [codebooks], of a picture [rows, columns] or [rows, columns, codebooks]. */
function codebooksOf(tokenShape: readonly number[]): number {
  return tokenShape.length === 2 ? 1 : (tokenShape.at(-1) ?? 1);
}

async function rowFacts(path: string): Promise<TokenFacts> {
  const file = await openRowIds(path);
  const { count, tokenShape, keys } = file;
  const numCodebooks = codebooksOf(tokenShape);
  let statistics: TokenStatistics = { examples: 0, codebooks: [] };
  for (let from = 0; from < count; from += ROWS) {
    const to = Math.min(from + ROWS, count);
    const part = countTokens((await file.read(from, to)).values, { examples: to - from, numCodebooks });
    statistics = from === 0 ? part : mergeStatistics([statistics, part]);
  }
  return { shape: [count, ...tokenShape], numCodebooks, codebookSize: undefined, statistics, note: `, keys: ${keys}` };
}
