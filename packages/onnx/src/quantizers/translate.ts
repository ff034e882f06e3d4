import { type Quantizer, UnsupportedError } from '@vqkit/core-tensor';
import { fsq } from './fsq.ts';
import { grouped } from './grouped.ts';
import { lfq } from './lfq.ts';
import { residual } from './residual.ts';
import { simvq } from './simvq.ts';
import type { Translation, Translator } from './translation.ts';
import { vq } from './vq.ts';

const TRANSLATORS: readonly Translator[] = [lfq, fsq, simvq, vq, residual, grouped];

/**
 * What a quantizer does, ready to be written into graphs. All its numbers are read here.
 *
 * @throws UnsupportedError for a quantizer that has no translation; DisposedError.
 */
export async function translateQuantizer(where: string, quantizer: Quantizer): Promise<Translation> {
  /** A quantizer that stands several times is translated and stored once. */
  const known = new Map<Quantizer, Promise<Translation>>();
  const translate = (own: Quantizer, path: string): Promise<Translation> => {
    const translator = TRANSLATORS.find(
      ({ kind, members }) => kind === own.kind || (members !== undefined && members in own),
    );
    if (translator === undefined) {
      throw new UnsupportedError(
        where,
        'the quantizer',
        'be one that has a translation to ONNX',
        own.kind,
        'Add it to packages/onnx/src/quantizers/, or export the network alone with exportNetwork.',
      );
    }
    const made = known.get(own) ?? translator.translate(own, { where, path, member: translate });
    known.set(own, made);
    return made;
  };
  return translate(quantizer, 'quantizer');
}
