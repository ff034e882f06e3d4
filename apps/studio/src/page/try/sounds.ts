import { contextOf, h } from '../dom.ts';
import { type Sound, stop } from '../sound/player.ts';
import { createRecorder, decodeByBrowser } from '../sound/recorder.ts';
import { playsOnClick } from '../sound/sound-button.ts';
import { channelOf, drawSpectrogram } from '../sound/spectrogram.ts';
import { createEditor, idColor } from './edit.ts';
import type { Trial, TrialContext } from './trial.ts';

/** Seconds, and numbers, that are tokenized at most. */
const MOST = { seconds: 10, numbers: 2 ** 20 };
/** Of a file: one more, so that what stands at the end of those that are tokenized is as if there were no end, and it is known that there is more. */
const READ_SECONDS = MOST.seconds + 1;
const MOST_BYTES = 2 ** 28;
/** Ids of a frame that can be changed one by one, and rows of the drawing. */
const MOST_EDITED = 16;
/** A change of a sample that counts as one: below the steps of 16-bit sound. */
const HEARD = 1e-5;

/** Sound in, its token ids, and the sound that they give back. */
export function showSounds({ facts, engine, say, fail }: TrialContext): Trial {
  const { multiple: hop, channels, codebookSize, numCodebooks, bitsPerToken, sampleRate = 0 } = facts;
  const most = Math.min(MOST.seconds * sampleRate, MOST.numbers / channels);
  const rows = Math.min(numCodebooks, MOST_EDITED);

  const given = spectrogramOf('given', 'The sound that is given');
  const decoded = spectrogramOf('decoded', 'What the ids give back');
  const strip = h('canvas', { id: 'ids', className: 'strip pixels', tabIndex: 0, role: 'slider' });
  const mark = h('span', { className: 'token-mark' });
  const frames = h('div', { className: 'frames' }, strip, mark);
  strip.style.height = `${Math.max(24, 12 * rows)}px`;
  const file = h('input', { id: 'file', type: 'file', accept: 'audio/*,.wav,.flac,.ogg,.opus,.mp3' });
  const record = h('button', { id: 'record', type: 'button' }, 'Record');
  const playGiven = h('button', { id: 'play-given', type: 'button' }, 'Play the sound');
  const playOwn = h('button', { id: 'play-own', type: 'button' }, 'Play what its ids give back');
  const playEdited = h('button', { id: 'play-edited', type: 'button', hidden: true }, 'Play what the changed ids give');
  const playToken = h('button', { id: 'play-token', type: 'button' }, 'Play the token');
  const undo = h('button', { id: 'undo', type: 'button', hidden: true }, 'The sound’s own ids');
  const change = h('output', { id: 'change', className: 'note' });

  let samples: Float32Array = exampleSound(Math.floor(Math.min(sampleRate, most)), sampleRate, channels);
  let own: Int32Array = new Int32Array();
  let ids: Int32Array = own;
  let ownSound: Float32Array = new Float32Array();
  let edited = ownSound;
  let chosen = 0;
  /** What is on its way: the newest alone is shown. */
  let asked = 0;
  let files = 0;

  const count = (): number => ids.length / numCodebooks;
  const soundOf = (values: Float32Array): Sound => ({ samples: values, channels, sampleRate });
  const seconds = (sample: number): string => (sample / sampleRate).toFixed(3);
  const draw = (canvas: HTMLCanvasElement, values: Float32Array): void =>
    drawSpectrogram(canvas, channelOf(values, channels), sampleRate);

  const tokenize = async (note = ''): Promise<void> => {
    const runs = engine();
    if (runs === undefined) return;
    const mine = ++asked;
    const began = performance.now();
    const found = await runs.call('encodeSound', samples);
    const sound = await runs.call('decodeSound', found);
    if (mine !== asked) return;
    const ms = (performance.now() - began).toFixed(1);
    [own, ids] = [found, found.slice()];
    ownSound = sound.slice(0, samples.length);
    edited = ownSound;
    chosen = Math.min(chosen, count() - 1);
    for (const button of [undo, playEdited]) button.hidden = true;
    change.textContent = '';
    draw(given, samples);
    draw(decoded, ownSound);
    choose(chosen);
    const length = samples.length / channels / sampleRate;
    const bits = Math.round(count() * bitsPerToken);
    say(
      `${runs.words}: ${ms} ms. ${length.toFixed(2)} s, ${count()} tokens, ${bits} bits for ${16 * samples.length}.${note}`,
    );
  };
  const tokenOf = (frame: number): Int32Array => ids.subarray(frame * numCodebooks, (frame + 1) * numCodebooks);

  const drawIds = (): void => {
    Object.assign(strip, { width: Math.max(1, count()), height: rows });
    const context = contextOf(strip);
    for (let t = 0; t < count(); t++) {
      for (const [row, id] of tokenOf(t).subarray(0, rows).entries()) {
        context.fillStyle = idColor(id, codebookSize);
        context.fillRect(t, row, 1, 1);
      }
    }
  };
  const choose = (frame: number): void => {
    if (count() === 0) return;
    chosen = Math.max(0, Math.min(count() - 1, frame));
    drawIds();
    mark.style.left = `${(100 * chosen) / count()}%`;
    mark.style.width = `${100 / count()}%`;
    const token = [...tokenOf(chosen)];
    const place = `${seconds(chosen * hop)} to ${seconds((chosen + 1) * hop)} s`;
    for (const [name, value] of Object.entries({
      label: 'Tokens: arrow keys go from one to the next',
      valuemin: 1,
      valuemax: count(),
      valuenow: chosen + 1,
      valuetext: `Token ${chosen + 1} of ${count()}, ${place}: ${token.slice(0, MOST_EDITED).join(', ')}`,
    }))
      strip.setAttribute(`aria-${name}`, String(value));
    editor.edit(`Token ${chosen + 1}, ${place}`, token.slice(0, MOST_EDITED));
  };
  const editor = createEditor(codebookSize, (token) => {
    ids.set(token, chosen * numCodebooks);
    drawIds();
    decode().catch(fail);
  });
  /** Decodes changed ids and says what they change. */
  const decode = async (): Promise<void> => {
    const mine = ++asked;
    const sound = await engine()?.call('decodeSound', ids);
    if (sound === undefined || mine !== asked) return;
    edited = sound.slice(0, samples.length);
    draw(decoded, edited);
    for (const button of [undo, playEdited]) button.hidden = false;
    const differs = (value: number, i: number): boolean => Math.abs(value - (ownSound[i] as number)) > HEARD;
    const first = edited.findIndex(differs);
    const last = edited.findLastIndex(differs);
    const [from, to] = [seconds(Math.floor(first / channels)), seconds(Math.ceil(last / channels))];
    change.textContent = first < 0 ? 'The sound stays as it was.' : `The sound changes from ${from} to ${to} s.`;
  };
  undo.addEventListener('click', () => {
    ids = own.slice();
    edited = ownSound;
    asked++;
    for (const button of [undo, playEdited]) button.hidden = true;
    change.textContent = '';
    draw(decoded, ownSound);
    choose(chosen);
  });

  strip.addEventListener('click', ({ offsetX }) => choose(Math.floor((offsetX / strip.clientWidth) * count())));
  strip.addEventListener('keydown', (event) => {
    const places: Record<string, number> = {
      ArrowLeft: chosen - 1,
      ArrowDown: chosen - 1,
      ArrowRight: chosen + 1,
      ArrowUp: chosen + 1,
      PageDown: chosen - 10,
      PageUp: chosen + 10,
      Home: 0,
      End: count() - 1,
    };
    const place = places[event.key];
    if (event.key === 'Enter') playToken.click();
    if (place === undefined) return;
    event.preventDefault();
    choose(place);
  });
  playsOnClick(playGiven, () => soundOf(samples));
  playsOnClick(playOwn, () => soundOf(ownSound));
  playsOnClick(playEdited, () => soundOf(edited));
  // A token alone may be too short for an ear.
  playsOnClick(playToken, () => {
    const room = Math.max(0, Math.round((sampleRate / 5 - hop) / 2));
    const [from, to] = [Math.max(0, chosen * hop - room), (chosen + 1) * hop + room];
    return soundOf(edited.subarray(from * channels, to * channels));
  });

  const take = async (name: string, bytes: Promise<ArrayBuffer>): Promise<void> => {
    const runs = engine();
    if (runs === undefined) return;
    stop();
    const mine = ++files;
    const file = await bytes;
    // Others than WAV are decoded by the browser, which only the page can ask.
    const all =
      (await runs.call('readWav', name, file, READ_SECONDS)) ??
      (await runs.call('fitSound', await decodeByBrowser(name, file, READ_SECONDS)));
    if (mine !== files) return;
    const kept = Math.floor(most) * channels;
    samples = all.slice(0, kept);
    const note = all.length > kept ? ` Only the first ${(most / sampleRate).toFixed(1)} s are taken.` : '';
    await tokenize(note);
  };
  const takeFile = (sound: File | undefined): void => {
    if (sound === undefined) return;
    if (sound.size > MOST_BYTES) fail(new Error(`${sound.name} is larger than 256 MB. Cut it.`));
    else take(sound.name, sound.arrayBuffer()).catch(fail);
  };
  const recorder = createRecorder({
    seconds: MOST.seconds,
    onStart: () => {
      record.textContent = 'Stop recording';
    },
    onEnd: (bytes) => {
      record.textContent = 'Record';
      if (bytes !== undefined) take('the recording', bytes).catch(fail);
    },
  });
  record.hidden = recorder === undefined;
  record.addEventListener('click', () => recorder?.toggle().catch(fail));
  file.addEventListener('change', () => takeFile(file.files?.[0]));

  const element = h(
    'div',
    { className: 'column' },
    h('h2', {}, 'Sound'),
    h('p', { className: 'note' }, 'Drop a WAV, FLAC, Ogg or MP3 here, or record. It stays on this machine.'),
    h('div', { className: 'controls' }, h('label', { className: 'button' }, 'Open …', file), record, playGiven),
    given,
    h('h2', {}, 'Token ids'),
    frames,
    h('div', { className: 'controls' }, editor.element, playToken, undo),
    h('h2', {}, 'Decoded'),
    decoded,
    h('div', { className: 'controls' }, playOwn, playEdited, change),
  );
  element.addEventListener('dragover', (event) => {
    event.preventDefault();
    element.classList.add('over');
  });
  element.addEventListener('dragleave', () => element.classList.remove('over'));
  element.addEventListener('drop', (event) => {
    event.preventDefault();
    element.classList.remove('over');
    takeFile(event.dataTransfer?.files[0]);
  });
  return {
    element,
    refresh() {
      if (hop <= most) return void tokenize().catch(fail);
      const length = `${hop} samples, ${(hop / sampleRate).toFixed(1)} s`;
      fail(new Error(`A token of this tokenizer stands for ${length}, more than the page takes.`));
    },
    close() {
      recorder?.close();
      stop();
    },
  };
}

function spectrogramOf(id: string, label: string): HTMLCanvasElement {
  const canvas = h('canvas', { id, className: 'spectrogram tall', role: 'img' });
  canvas.setAttribute('aria-label', `${label}, as a spectrogram`);
  return canvas;
}

/** Something to begin with: four tones with overtones, each fading. */
function exampleSound(samples: number, sampleRate: number, channels: number): Float32Array {
  const values = new Float32Array(samples * channels);
  for (let i = 0; i < samples; i++) {
    const note = Math.floor((4 * i) / samples);
    const since = (i - (note * samples) / 4) / sampleRate;
    const turns = (sampleRate / 60) * 1.25 ** note * since;
    const value = 0.3 * Math.exp(-8 * since) * (Math.sin(2 * Math.PI * turns) + 0.4 * Math.sin(6 * Math.PI * turns));
    values.fill(value, i * channels, (i + 1) * channels);
  }
  return values;
}
