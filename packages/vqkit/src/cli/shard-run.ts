import { counted } from '@vqkit/schema';
import { type CodebookUse, type ShardSurvey, tokenReport } from '@vqkit/tokens';
import { encodeShards, type ShardOptions } from '@vqkit/train';
import { EXIT } from './errors.ts';
import { createImageProgress } from './image-progress.ts';
import { untilStopped } from './signals.ts';

/** Skipped examples that are named one by one. */
const NAMED = 20;

/**
 * Encodes shards with a bar on stderr, until they are done or a signal stops it.
 * @returns the exit code.
 */
export async function runOnShards(tokenizer: string, options: ShardOptions): Promise<number> {
  const progress = createImageProgress(process.stderr, 'examples');
  const result = await untilStopped(
    (signal) =>
      encodeShards(tokenizer, options, {
        onStart({ examples, shards, engine }) {
          progress.note(`${counted(examples, 'example')} in ${counted(shards, 'shard')}, engine ${engine}`);
          progress.start(examples);
        },
        onExamples: (done) => progress.done(done),
        onWarning: (message) => progress.note(`warning: ${message}`),
        signal,
      }),
    () => progress.stop(),
  );
  if (typeof result === 'number') return result;
  const { out, manifest, encoded, there, failed, survey } = result;
  const { examples, shards } = manifest;
  for (const { shard, reason } of failed) process.stderr.write(`shard ${shard} failed: ${reason}\n`);
  if (failed.length > 0) {
    process.stderr.write(`${counted(failed.length, 'shard')} failed, ${encoded} encoded. Run it again for the rest.\n`);
    return EXIT.failed;
  }
  if (survey !== undefined) process.stdout.write(surveyText(survey));
  else process.stdout.write(`${counted(examples, 'example')} in ${counted(shards.length, 'shard')}\n`);
  process.stdout.write(`${encoded} encoded, ${there} there already\n${out}\n`);
  return EXIT.ok;
}

/** What a folder of shards holds: the same whoever encoded it in whatever parts. */
export function surveyText(survey: ShardSurvey): string {
  const { manifest, complete, examples, skipped, statistics, bytes, engines } = survey;
  const { shards, numCodebooks, codebookSize, format, packed } = manifest;
  const lines = [
    `${counted(examples, 'example')}${skipped.length === 0 ? '' : `, ${skipped.length} skipped`} in ${complete} of ${counted(shards.length, 'shard')} (.${format}${packed ? ', packed' : ''}, ${megabytes(bytes)}): ${tokensText(survey)} of ${(numCodebooks * Math.log2(codebookSize)).toFixed(2)} bits`,
    ...useLines(tokenReport(statistics, codebookSize)),
    ...skipped.slice(0, NAMED).map(({ name, reason }) => `skipped ${name}: ${reason}`),
    ...(skipped.length > NAMED ? [`and ${skipped.length - NAMED} more, in the records of the shards`] : []),
    ...(engines.length > 1 ? [`note: encoded by ${engines.join('; ')}: their ids may differ in a rounding`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** How many tokens an example has; of recordings, which have their own lengths, all of them. */
function tokensText({ manifest, statistics, samples }: ShardSurvey): string {
  const { tokenShape, numCodebooks, sound } = manifest;
  if (sound !== undefined) {
    const tokens = statistics.codebooks[0]?.counts.reduce((sum, count) => sum + count, 0) ?? 0;
    return `${counted(tokens, 'token')} of ${(samples / sound.sampleRate).toFixed(1)} s (ids ${shapeText(manifest)} each)`;
  }
  const tokens = tokenShape.reduce((product, length) => product * length, 1) / numCodebooks;
  return `${counted(tokens, 'token')} each (${tokenShape.length === 0 ? '1 id' : `ids ${shapeText(manifest)}`})`;
}

/** The shape of an example's ids. */
export function shapeText({ tokenShape, sound }: ShardSurvey['manifest']): string {
  return [...(sound === undefined ? [] : ['frames']), ...tokenShape].join(' × ');
}

/** A line per codebook. */
export function useLines(codebooks: readonly CodebookUse[]): string[] {
  return codebooks.map(
    ({ tokens, codebookSize, used, dead, expectedUsed, entropyBits, perplexity, codesOf90Percent }, i) => {
      const name = codebooks.length === 1 ? '' : `codebook ${i}: `;
      return `${name}${used} of ${codebookSize} codes used by ${counted(tokens, 'id')} (${dead} dead, ${expectedUsed.toFixed(1)} expected), perplexity ${perplexity.toFixed(2)}, entropy ${entropyBits.toFixed(4)} bits, 90 % in ${codesOf90Percent}`;
    },
  );
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
