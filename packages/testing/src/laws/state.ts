import { cast, ones, type Tensor } from '@tensorflow/tfjs-core';
import { DtypeError, OptionError, type Quantizer, ShapeError } from '@vqkit/core-tensor';
import { expect, it } from 'vitest';
import { expectIdentical } from '../values.ts';
import { latents, type Make, scoped, TRAIN } from './subject.ts';

/** The names of all options of a constructor, sorted: it lists them where it refuses one that it does not know. */
export function optionsOf(create: (extra: Readonly<Record<string, unknown>>) => unknown): string[] {
  try {
    create({ noSuchOption: 1 });
  } catch (error) {
    if (error instanceof OptionError) return error.fix.replace(/^Known options: |\.$/g, '').split(', ');
  }
  return [];
}

export function describeState(make: Make, recreate: (config: unknown) => Quantizer): void {
  it('is the same for the same seed: values, indices, losses and state', () =>
    scoped(async () => {
      const [one, two] = [make({ seed: 7 }), make({ seed: 7 })];
      await expectSameState(one, two);
      for (let step = 0; step < 3; step++) {
        const z = latents(one, [2, 3], 'channelsLast', step);
        const [a, b] = [one.quantize(z, { training: true, step }), two.quantize(z, { training: true, step })];
        await expectIdentical(a.quantized, b.quantized);
        await expectIdentical(a.indices, b.indices);
        await expectIdentical(a.loss, b.loss);
      }
      expect(one.rng.state()).toEqual(two.rng.state());
      one.dispose();
      two.dispose();
    }));

  it('has a config of plain JSON that makes the same quantizer again', () =>
    scoped(async () => {
      const q = make({ seed: 7, dataFormat: 'channelsFirst' });
      const json = JSON.parse(JSON.stringify(q.config)) as unknown;
      expect(json).toStrictEqual(q.config);
      const again = recreate(json);
      expect(again.config).toStrictEqual(q.config);
      expect([again.kind, again.dim, again.codebookSize, again.numCodebooks]).toEqual([
        q.kind,
        q.dim,
        q.codebookSize,
        q.numCodebooks,
      ]);
      await expectSameState(again, q);
      const z = latents(q, [2, 3], 'channelsFirst');
      await expectIdentical(again.encode(z), q.encode(z));
      q.dispose();
      again.dispose();
    }));

  it('has every option of its constructor in its config, defaults filled in', () => {
    const q = make();
    const options = optionsOf((extra) => make(extra as object));
    expect(Object.keys(q.config as object)).toEqual(expect.arrayContaining(options));
    q.dispose();
  });

  it('moves its state to another instance through stateDict and loadStateDict', () =>
    scoped(async () => {
      const [source, target] = [make({ seed: 1 }), make({ seed: 2 })];
      const z = latents(source, [4, 5]);
      const names = Object.keys(source.stateDict());
      expect(names).toEqual(expect.arrayContaining(Object.keys(source.variables())));
      target.loadStateDict(source.stateDict());
      await expectSameState(target, source);
      await expectIdentical(target.encode(z), source.encode(z));
      await expectIdentical(target.quantize(z).quantized, source.quantize(z).quantized);
      const state = source.stateDict();
      source.dispose();
      target.loadStateDict(state);
      await expectIdentical(target.stateDict()[names[0] ?? ''] ?? [], state[names[0] ?? ''] ?? []);
      target.dispose();
    }));

  it('rejects a state with wrong keys, shapes or dtypes and changes nothing', () =>
    scoped(async () => {
      const [q, untouched, another] = [make({ seed: 1 }), make({ seed: 1 }), make({ seed: 2 })];
      // Other values under the right keys: a load that stops half-way would show.
      const other = another.stateDict();
      const load = (state: unknown): void => q.loadStateDict(state as Record<string, Tensor>);
      expect(() => load({ ...other, surplus: ones([1]) })).toThrow(OptionError);
      expect(() => load({ ...other, surplus: ones([1]) })).toThrow(
        /loadStateDict: tensors must .+ unknown \["surplus"\]/,
      );
      expect(() => load(undefined)).toThrow(OptionError);
      const name = Object.keys(other).at(-1);
      if (name !== undefined) {
        const { [name]: last, ...rest } = other as Record<string, Tensor>;
        expect(() => load(rest)).toThrow(OptionError);
        expect(() => load(rest)).toThrow(/loadStateDict: tensors must .+ Missing \[".+"\]/);
        expect(() => load({ ...rest, [name]: ones([3, 1, 4]) })).toThrow(ShapeError);
        expect(() => load({ ...rest, [name]: ones([3, 1, 4]) })).toThrow(/must have shape .+, got shape \[3,1,4\]/);
        expect(() => load({ ...rest, [name]: cast(last as Tensor, 'int32') })).toThrow(DtypeError);
        expect(() => load({ ...rest, [name]: [1, 2] })).toThrow(OptionError);
      }
      for (const each of Object.keys(other)) {
        const gone = (other[each] as Tensor).clone();
        gone.dispose();
        const from = { ...other, [each]: gone };
        expect(() => load(from)).toThrow(OptionError);
        expect(() => load(from)).toThrow(/loadStateDict: '.+' must be alive, got a disposed tensor of shape /);
      }
      await expectSameState(q, untouched);
      for (const each of [q, untouched, another]) each.dispose();
    }));

  it('gives a state that later training and disposal do not change', () =>
    scoped(async () => {
      const [q, other] = [make({ seed: 1 }), make({ seed: 2 })];
      const state = q.stateDict();
      const before = await Promise.all(Object.values(state).map((value) => value.data()));
      q.quantize(latents(q, [2, 3]), TRAIN);
      q.loadStateDict(other.stateDict());
      q.dispose();
      for (const [i, value] of Object.values(state).entries()) await expectIdentical(value, before[i] ?? []);
      other.dispose();
    }));
}

async function expectSameState(actual: Quantizer, expected: Quantizer): Promise<void> {
  const [a, e] = [actual.stateDict(), expected.stateDict()];
  expect(Object.keys(a)).toEqual(Object.keys(e));
  for (const [name, value] of Object.entries(e)) await expectIdentical(a[name] ?? [], value);
}
