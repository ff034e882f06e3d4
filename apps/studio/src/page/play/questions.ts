import { h } from '../dom.ts';

/** What each article asks, as settings to look at one after the other. */
const QUESTIONS: readonly {
  readonly question: string;
  readonly looks: readonly (readonly [title: string, address: string])[];
}[] = [
  {
    question: 'LFQ: does the scale of the latents drift?',
    looks: [
      ['nothing holds it', 'quantizer=lfq&spherical=false&entropyLossWeight=0.1'],
      ['a commitment does', 'quantizer=lfq&spherical=false&entropyLossWeight=0.1&commitmentLossWeight=0.25'],
      ['on the sphere', 'quantizer=lfq&spherical=true&entropyLossWeight=0.1'],
    ],
  },
  {
    question: 'SimVQ: what does the half of its loss do that moves latents to codes?',
    looks: [
      ['it is missing', 'quantizer=simvq&inputToQuantizeCommitLossWeight=0'],
      ['missing, straight-through', 'quantizer=simvq&inputToQuantizeCommitLossWeight=0&rotationTrick=false'],
      ['both halves', 'quantizer=simvq'],
      ['both, weight 1000', 'quantizer=simvq&commitmentWeight=1000'],
    ],
  },
];

export function questions(): HTMLElement {
  const items = QUESTIONS.map(({ question, looks }) =>
    h(
      'li',
      {},
      `${question} `,
      ...looks.flatMap(([title, address], i) => [i === 0 ? '' : ' · ', h('a', { href: `#play?${address}` }, title)]),
    ),
  );
  return h('ul', { className: 'questions' }, ...items);
}
