import { h } from '../dom.ts';
import { messageOf } from '../message.ts';
import { play, type Sound, stop } from './player.ts';
import { channelOf, drawSpectrogram } from './spectrogram.ts';

/** A spectrogram that is heard when it is clicked, or by Enter or Space; once more stops it. */
export function soundButton(name: string, sound: Sound, className = 'sound'): HTMLButtonElement {
  const canvas = h('canvas', { className: 'spectrogram' });
  drawSpectrogram(canvas, channelOf(sound.samples, sound.channels), sound.sampleRate);
  const seconds = (sound.samples.length / sound.channels / sound.sampleRate).toFixed(2);
  const button = h('button', { type: 'button', className, title: `Play ${name}` }, canvas);
  button.setAttribute('aria-label', `Play ${name}, ${seconds} s`);
  playsOnClick(button, () => sound);
  return button;
}

/** Makes a button play, and stop what it plays. */
export function playsOnClick(button: HTMLButtonElement, sound: () => Sound | undefined): void {
  const mark = (isPlaying: boolean): void => button.setAttribute('aria-pressed', String(isPlaying));
  mark(false);
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-pressed') === 'true') return stop();
    const given = sound();
    if (given === undefined) return;
    play(given, () => mark(false)).then(
      () => mark(true),
      (error: unknown) => {
        mark(false);
        button.title = messageOf(error);
      },
    );
  });
}
