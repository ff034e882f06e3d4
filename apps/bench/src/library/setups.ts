/** One training of SimVQ, of a release of vector-quantize-pytorch or of vqkit. */
export interface Setup {
  readonly name: string;
  /** Null for vqkit. */
  readonly commit: string | null;
  readonly rotation: boolean;
  readonly weight: number;
  /** Whether mse(z, sg q) is taken away for a while. */
  readonly takes: boolean;
  /** Of vqkit: whether both halves of the loss are there, and the setup that it follows. */
  readonly both: boolean;
}

/** mse(z, q) and the reconstruction error before each step. */
export interface Traced {
  readonly error: readonly number[];
  readonly reconstruction: readonly number[];
}

/** One training: mse(z, q) at some of the steps, the reconstruction error before the last; null where it was not measured. */
export interface Run {
  readonly setup: Setup;
  readonly seed: number;
  readonly trace: {
    readonly step: readonly number[];
    readonly error: readonly number[];
    readonly reconstruction: number;
  } | null;
}

const BEFORE = { commit: '915f3fc', version: '1.20.10' } as const;
const AFTER = { commit: '8c27a0e', version: '1.20.11' } as const;

/** That of the issue first: there the half is also taken away and given back, and vqkit beside. */
export const WEIGHTS = [1000, 1] as const;

const onOrOff = (rotation: boolean): string => `trick ${rotation ? 'on' : 'off'}`;
const weightText = (weight: number): string => `weight ${weight.toLocaleString('en-US')}`;

/** The releases. Trick off is the same code in both. */
export const SETUPS: readonly Setup[] = WEIGHTS.flatMap((weight) => [
  ...[
    { ...BEFORE, rotation: true, both: false },
    { ...BEFORE, rotation: false, both: true },
    { ...AFTER, rotation: true, both: true },
  ].map(({ version, commit, rotation, both }) => ({
    name: `${version}, ${onOrOff(rotation)}, ${weightText(weight)}`,
    ...{ commit, rotation, weight, both, takes: false },
  })),
  ...(weight === WEIGHTS[0] ? [true, false] : []).map((rotation) => ({
    name: `1.20.11, ${onOrOff(rotation)}, half of the loss taken away and given back, ${weightText(weight)}`,
    ...{ commit: AFTER.commit, rotation, weight, both: true, takes: true },
  })),
]);

/** vqkit with the losses of the releases, at the weight of the issue. */
export const OWN: readonly Setup[] = SETUPS.filter(({ takes, weight }) => !takes && weight === WEIGHTS[0]).map(
  (setup) => ({
    ...setup,
    name: `vqkit as ${setup.name}`,
    commit: null,
  }),
);
