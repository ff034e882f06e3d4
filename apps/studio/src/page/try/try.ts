import { h } from '../dom.ts';
import { type Engine, startEngine } from '../engine.ts';
import { messageOf } from '../message.ts';
import type { OpenView, View, ViewContext } from '../view.ts';
import { ENGINES, type EngineName, type TokenizerFacts } from '../worker/calls.ts';
import { showPictures } from './pictures.ts';
import { showSounds } from './sounds.ts';
import type { Trial } from './trial.ts';
import { showVectors } from './vectors.ts';

/** Larger than any tokenizer that a page could run. */
const MOST_BYTES = 2 ** 31;

/** What is tried with the tokenizers of each modality, and what one token stands for. */
const TRIALS = {
  images: { show: showPictures, token: ({ multiple }: TokenizerFacts) => `${multiple} × ${multiple} pixels` },
  audio: {
    show: showSounds,
    token: ({ multiple, sampleRate = 0 }: TokenizerFacts) => `${multiple} samples at ${sampleRate} Hz`,
  },
  vectors: { show: showVectors, token: ({ channels }: TokenizerFacts) => `${channels} numbers` },
};

/** Data in, token ids, what they give back, and what changes when an id does. */
export const tryView: View = { name: 'try', title: 'Try', open };

function open({ shown }: ViewContext): OpenView {
  const facts = h('p', { id: 'facts' }, 'No tokenizer is open.');
  const status = h('output', { id: 'status' });
  const engines = h(
    'select',
    { id: 'engine' },
    ...Object.entries(ENGINES).map(([name, title]) => new Option(title, name)),
  );
  const sources = h('select', { id: 'source' }, ...shown.map(({ name }, i) => new Option(name, String(i))));
  const file = h('input', { id: 'tokenizer', type: 'file', accept: '.safetensors' });
  const again = h('button', { id: 'again', type: 'button', hidden: true }, 'Start the engine again');
  const body = h('div');
  const element = h(
    'section',
    {},
    facts,
    body,
    h(
      'div',
      { className: 'controls' },
      h('label', {}, 'Engine ', engines),
      h('label', { hidden: shown.length === 0 }, 'Tokenizer ', sources),
      h('label', { className: 'button' }, 'Open a tokenizer …', file),
      again,
    ),
    h('div', { role: 'status', 'aria-live': 'polite' }, status),
  );

  let engine: Engine | undefined;
  let tokenizer: { readonly name: string; readonly bytes: ArrayBuffer } | undefined;
  let trial: Trial | undefined;
  let closed = false;
  let starts = 0;

  const say = (text: string): void => {
    status.classList.remove('problem');
    status.textContent = text;
  };
  const fail = (error: unknown): void => {
    if (closed) return;
    status.classList.add('problem');
    status.textContent = messageOf(error);
    again.hidden = tokenizer === undefined;
  };

  /** Starts the engine that is chosen in place of the one that runs, and opens the tokenizer on it. */
  const start = async (isNew: boolean): Promise<void> => {
    if (tokenizer === undefined) return;
    const { name, bytes } = tokenizer;
    const mine = ++starts;
    say('Starting …');
    again.hidden = true;
    engine?.end();
    engine = undefined;
    try {
      const started = await startEngine(engines.value as EngineName);
      if (closed || mine !== starts) return started.end();
      engine = started;
      const opened = await started.call('open', bytes, name);
      if (mine !== starts) return;
      if (isNew || trial === undefined) {
        facts.textContent = describe(opened);
        trial?.close?.();
        const context = { facts: opened, engine: () => engine, say, fail };
        trial = TRIALS[opened.kind].show(context);
        body.replaceChildren(trial.element);
      }
      trial.refresh();
    } catch (error) {
      if (mine !== starts) return;
      if (isNew) {
        trial?.close?.();
        trial = undefined;
        body.replaceChildren();
        facts.textContent = 'No tokenizer is open.';
      }
      fail(error);
    }
  };
  const take = async (name: string, bytes: Promise<ArrayBuffer>): Promise<void> => {
    tokenizer = { name, bytes: await bytes };
    await start(true);
  };
  const fetchShown = async (): Promise<void> => {
    const number = Number(sources.value);
    const response = await fetch(`tokenizers/${number}.safetensors`);
    const name = shown[number]?.name ?? '';
    if (!response.ok) throw new Error((await response.text()) || `${name} is not there any more.`);
    await take(name, response.arrayBuffer());
  };

  engines.addEventListener('change', () => void start(false));
  again.addEventListener('click', () => void start(false));
  sources.addEventListener('change', () => void fetchShown().catch(fail));
  file.addEventListener('change', () => {
    const [given] = file.files ?? [];
    if (given === undefined) return;
    if (given.size > MOST_BYTES) fail(new Error(`${given.name} is too large for a page.`));
    else take(given.name, given.arrayBuffer()).catch(fail);
  });
  if (shown.length > 0) fetchShown().catch(fail);
  else say('Open the file of a tokenizer, as vqkit export writes it. It stays on this machine.');

  return {
    element,
    close() {
      closed = true;
      trial?.close?.();
      engine?.end();
    },
  };
}

function describe(facts: TokenizerFacts): string {
  const { kind, quantizer, codebookSize, numCodebooks, bitsPerToken } = facts;
  const codes = numCodebooks === 1 ? `${codebookSize} codes` : `${numCodebooks} × ${codebookSize} codes`;
  return `${quantizer}: ${codes}, ${bitsPerToken.toFixed(2)} bits per token, a token for ${TRIALS[kind].token(facts)}.`;
}
