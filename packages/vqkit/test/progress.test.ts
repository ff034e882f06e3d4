import type { Quality, TrainingEvent } from '@vqkit/training';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgress, type Progress } from '../src/cli/progress.ts';
import { fakeStream } from './fake-stream.ts';

const validation: TrainingEvent = {
  kind: 'validation',
  step: 20,
  epoch: 1,
  quality: { l1: 0.1, mse: 0.01, psnrDb: 18.456, ssim: null },
  codes: {
    tokens: 100,
    codebookSize: 256,
    numCodebooks: 1,
    used: 40,
    utilization: 0.2,
    perplexity: 31.4,
    bitsPerToken: 4.9,
    statistics: {},
  },
  elapsedSeconds: 2,
};

const qualityText = ({ psnrDb }: Quality): string => `${psnrDb?.toFixed(2)} dB`;

const stepEvent = (step: number, loss: number): TrainingEvent => ({ kind: 'step', step, steps: 100, loss });

/** 100 steps, one each tenth of a second. */
function trainThrough(progress: Progress): void {
  progress.start({ steps: 100, step: 0, qualityText });
  for (let step = 1; step <= 100; step++) {
    vi.advanceTimersByTime(100);
    progress.on(stepEvent(step, 1 / step));
    if (step === 20) progress.on(validation);
  }
  progress.stop();
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('createProgress', () => {
  it('prints plain lines into a pipe: every five seconds, every validation and the end', () => {
    const { stream, text } = fakeStream(false);
    trainThrough(createProgress(stream));
    expect(text().trim().split('\n')).toEqual([
      'step 20/100  validation 18.46 dB, perplexity 31.4 of 256',
      'step 50/100  loss 0.0200  10 steps/s  0:05 left',
      'step 100/100  loss 0.0100  10 steps/s  0:00 left',
    ]);
  });

  it('draws a bar with rate and time left on a terminal', () => {
    const { stream, text } = fakeStream(true);
    const progress = createProgress(stream);
    trainThrough(progress);
    expect(text()).toMatch(/ \d\d\/100 {2}loss 0\.0\d+ {2}10 steps\/s {2}0:0\d left {2}validation 18\.46 dB/);
    expect(text()).toContain('100/100');
  });

  it('shows what a resumed run has done, not as speed', () => {
    const { stream, text } = fakeStream(false);
    const progress = createProgress(stream);
    progress.start({ steps: 100, step: 90, qualityText });
    vi.advanceTimersByTime(5000);
    progress.on(stepEvent(95, 0.5));
    progress.stop();
    expect(text()).toBe('step 95/100  loss 0.5000  1.0 steps/s  0:05 left\n');
  });

  it('prints what a terminal would obey as it is written in JSON', () => {
    const { stream, text } = fakeStream(false);
    createProgress(stream).note('warning: Skipped a\n\u001b[2Jb\u202egnp.exe\u007f é😀.png: broken');
    expect(text()).toBe('warning: Skipped a\\u000a\\u001b[2Jb\\u202egnp.exe\\u007f é😀.png: broken\n');
  });

  it('measures the rate over the last seconds', () => {
    const { stream, text } = fakeStream(false);
    const progress = createProgress(stream);
    progress.start({ steps: 100_000, step: 0, qualityText });
    vi.advanceTimersByTime(60_000);
    for (let step = 1; step <= 200; step++) {
      vi.advanceTimersByTime(100);
      progress.on(stepEvent(step, 1));
    }
    expect(text().trim().split('\n').at(-1)).toMatch(/ 10 steps\/s {2}2:46:\d\d left$/);
    progress.stop();
  });

  it('leaves no trace of a training that did not start', () => {
    for (const isTTY of [false, true]) {
      const { stream, text } = fakeStream(isTTY);
      createProgress(stream).stop();
      expect(text()).toBe('');
    }
  });

  it('prints notes as lines of their own', () => {
    const { stream, text } = fakeStream(false);
    createProgress(stream).note('warning: one image skipped');
    expect(text()).toBe('warning: one image skipped\n');
  });
});
