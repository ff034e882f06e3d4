import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLook, followRun } from '../src/follow-run.ts';
import type { LiveEvent } from '../src/live-events.ts';

const line = (step: number, more: object = {}): string =>
  `${JSON.stringify({ kind: 'train', step, epoch: 0, loss: 1 / step, reconstruction: 1, quantizer: 0, losses: { commitment: 2 }, gradientNorm: 1, learningRate: 0.1, elapsedSeconds: step, ...more })}\n`;
const snapshot = (step: number): string =>
  JSON.stringify({
    formatVersion: 1,
    step,
    codebooks: [{ codebookSize: 4, codes: [1, 3], counts: [5, 0], lastUsed: [step, 1] }],
    diagnoses: [{ step: 1, found: [{ problem: '<img src=x>', severity: 'warning', evidence: 'e', remedy: 'r' }] }],
    examples: { count: 0, shape: [2], originals: [], reconstructions: [], ids: [] },
  });

describe('following the folder of a run', () => {
  const parent = mkdtempSync(join(tmpdir(), 'vqkit-follow-'));
  const folder = join(parent, 'run');
  const file = (name: string): string => join(folder, name);
  let events: LiveEvent[] = [];
  let look: () => Promise<void>;
  /** What one more look tells, in short. */
  const told = async (): Promise<string[]> => {
    events = [];
    await look();
    return events.map((event) => {
      if (event.kind === 'records') return `records ${event.records.map(({ step }) => step).join(' ')}`;
      if (event.kind === 'state') return `${event.state}`;
      return event.kind === 'snapshot' ? `snapshot ${event.step}` : event.kind;
    });
  };

  beforeEach(() => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file('config.json'), JSON.stringify({ quantizer: 'lfq', steps: 9, batchSize: '<b>' }));
    look = createLook(folder, (event) => {
      events.push(event);
    });
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('tells what is there, then only what is new', async () => {
    writeFileSync(file('metrics.jsonl'), line(1) + line(2));
    writeFileSync(file('snapshot.json'), snapshot(2));
    expect(await told()).toEqual(['config', 'records 1 2', 'snapshot 2', 'training']);
    expect(events[0]).toMatchObject({ config: { quantizer: 'lfq', steps: 9, batchSize: 0, data: '' } });
    expect(events[1]).toMatchObject({ records: [{ kind: 'train', values: { loss: 1, commitment: 2 } }, {}] });
    expect(await told()).toEqual([]);
    appendFileSync(file('metrics.jsonl'), line(3));
    expect(await told()).toEqual(['records 3']);
    writeFileSync(file('summary.json'), '{}');
    expect(await told()).toEqual(['finished']);
  });

  it('waits for the end of a line, and leaves out what is damaged', async () => {
    const whole = line(1);
    writeFileSync(file('metrics.jsonl'), whole.slice(0, 20));
    expect(await told()).toEqual(['config', 'training']);
    appendFileSync(file('metrics.jsonl'), whole.slice(20) + line(2).slice(0, -1));
    expect(await told()).toEqual(['records 1']);
    appendFileSync(file('metrics.jsonl'), `\nno JSON\n${line(3, { loss: null })}`);
    expect(await told()).toEqual(['records 2 3', 'problem']);
    expect(events[0]).toMatchObject({
      records: [{}, { values: expect.not.objectContaining({ loss: expect.anything() }) }],
    });
  });

  it('begins anew when the curves were cut or are those of another run', async () => {
    writeFileSync(file('metrics.jsonl'), line(1) + line(2) + line(3));
    await told();
    truncateSync(file('metrics.jsonl'), line(1).length);
    expect(await told()).toEqual(['reset', 'records 1']);
    writeFileSync(file('other'), line(1) + line(5));
    renameSync(file('other'), file('metrics.jsonl'));
    expect(await told()).toEqual(['reset', 'records 1 5']);
    rmSync(file('metrics.jsonl'));
    expect(await told()).toEqual(['reset']);
  });

  it('says that the folder vanished, and follows it when it is back', async () => {
    writeFileSync(file('metrics.jsonl'), line(1));
    await told();
    rmSync(folder, { recursive: true });
    expect(await told()).toEqual(['reset', 'gone']);
    expect(await told()).toEqual([]);
    mkdirSync(folder);
    writeFileSync(file('config.json'), '{"quantizer":"fsq"}');
    writeFileSync(file('metrics.jsonl'), line(1) + line(2));
    expect(await told()).toEqual(['config', 'records 1 2', 'training']);
  });

  it('names files that are half-written or hold something else, until they are whole', async () => {
    writeFileSync(file('config.json'), '{"quantizer":');
    writeFileSync(file('snapshot.json'), snapshot(2).slice(0, -5));
    expect(await told()).toEqual(['problem']);
    expect(await told()).toEqual([]);
    writeFileSync(file('config.json'), '{}');
    for (const [text, other] of [
      ['"codes":[1,3]', '"codes":[1,9]'],
      ['"counts":[5,0]', '"counts":[5]'],
      ['"count":0', '"count":1e9'],
    ] as const) {
      writeFileSync(file('snapshot.json'), snapshot(2).replace(text, other));
      expect((await told()).filter((each) => each !== 'config')).toEqual(['problem']);
      expect(events.some(({ kind }) => kind === 'snapshot')).toBe(false);
    }
    writeFileSync(file('snapshot.json'), snapshot(3));
    expect(await told()).toEqual(['snapshot 3', 'training']);
    writeFileSync(file('failure.json'), '{"reason":"the loss must be finite"}');
    expect(await told()).toEqual(['failed']);
    expect(events[0]).toMatchObject({ message: expect.stringContaining('the loss must be finite') });
  });

  it('goes on until its signal', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const following = followRun(folder, ({ kind }) => void seen.push(kind), stop.signal);
    await expect.poll(() => seen, { timeout: 20_000 }).toContain('state');
    appendFileSync(file('metrics.jsonl'), line(1));
    await expect.poll(() => seen, { timeout: 20_000 }).toContain('records');
    stop.abort();
    await following;
  });
});
