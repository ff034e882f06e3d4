import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createImageProgress, type ImageProgress } from '../src/cli/image-progress.ts';
import { fakeStream } from './fake-stream.ts';

/** 1,000 images, ten each tenth of a second. */
function work(progress: ImageProgress): void {
  progress.start(1000);
  for (let done = 10; done <= 1000; done += 10) {
    vi.advanceTimersByTime(100);
    progress.done(done);
  }
  progress.stop();
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('createImageProgress', () => {
  it('prints plain lines into a pipe: every five seconds and the end', () => {
    const { stream, text } = fakeStream(false);
    work(createImageProgress(stream));
    expect(text().trim().split('\n')).toEqual([
      '500/1000 images  100 images/s  0:05 left',
      '1000/1000 images  100 images/s  0:00 left',
    ]);
  });

  it('draws a bar with rate and time left on a terminal', () => {
    const { stream, text } = fakeStream(true);
    work(createImageProgress(stream));
    expect(text()).toMatch(/ \d+0\/1000 images {2}100 images\/s {2}0:0\d left/);
    expect(text()).toContain('1000/1000');
  });

  it('prints notes as lines of their own, and nothing of work that did not start', () => {
    const { stream, text } = fakeStream(false);
    const progress = createImageProgress(stream);
    progress.note('warning: one image skipped');
    progress.stop();
    expect(text()).toBe('warning: one image skipped\n');
  });
});
