import { withoutComments } from './workspace.mjs';

/** @import { Failure } from './workspace.mjs' */

/** A quantizer's name or kind in quotes, and that of its stack. */
const NAME = "'(?:residual-?)?(?:lfq|fsq|simvq|vq)'";

/** Of an architecture, a modality or a kind of data. */
const OTHER = "'(?:conv|resnet|mlp|seanet|images|vectors|audio|mnist|idx|folder)'";

/**
 * The tables by quantizer: the registry; what a layer of a published codec is on tensors and as JSON, by its method; and the defaults of a format that
 * is no longer written.
 */
const REGISTRIES =
  /^packages\/(?:quantizers\/src\/entries|codecs\/src\/(?:quantizer|codec-json))\.ts$|^apps\/train\/src\/first-checkpoints\.ts$/;

/**
 * How a file asks which quantizer, architecture, modality or kind of data it has to do with, instead of asking a registry.
 * @type {{ found: RegExp, where: RegExp, registries: RegExp, rule: string, registry?: string }[]}
 */
const asked = [
  {
    found: new RegExp(`[!=]==\\s*${NAME}|${NAME}\\s*[!=]==|\\bcase ${NAME}:|With\\((?:${NAME}|'residual-?')\\)`, 'i'),
    where: /^(?:packages|apps)\/[^/]+\/(?:src|experiments)\/|^scripts\//,
    registries: /^$/,
    rule: "no file compares a quantizer's name",
  },
  {
    found: new RegExp(`[!=]==\\s*${OTHER}|${OTHER}\\s*[!=]==|\\bcase ${OTHER}:`),
    where: /^(?:packages|apps)\/[^/]+\/src\//,
    registries: /^$/,
    rule: 'no file compares the name of an architecture, a modality or a kind of data',
    registry:
      "the architectures of packages/tokenizer, the modalities' options in apps/train, or the kinds of images in packages/data",
  },
  {
    found: new RegExp(`${NAME}\\s*[,|]\\s*${NAME}`, 'i'),
    where: /^packages\/[^/]+\/src\/|^apps\/(?:train|studio)\/src\//,
    registries: /^packages\/quantizers\/src\/entries\.ts$/,
    rule: 'no file lists the quantizers',
  },
  {
    found: new RegExp(`^\\s*${NAME.replaceAll("'", "'?")}:[^]*^\\s*${NAME.replaceAll("'", "'?")}:`, 'im'),
    where: /^packages\/[^/]+\/src\/|^apps\/(?:train|studio)\/src\//,
    registries: REGISTRIES,
    rule: 'no file has a table by quantizer',
  },
];

/**
 * Only the registries know which quantizers, architectures, modalities and kinds of data there are.
 * @param {Map<string, string>} files
 * @returns {Failure[]}
 */
export function checkNames(files) {
  return [...files].flatMap(([file, text]) => {
    if (!/\.(?:ts|mjs)$/.test(file)) return [];
    const code = withoutComments(text);
    return asked
      .filter(({ found, where, registries }) => where.test(file) && !registries.test(file) && found.test(code))
      .map(({ found, rule, registry = 'the entries of packages/quantizers' }) => ({
        file,
        rule,
        fix: `It has ${found.exec(code)?.[0]?.trim().split('\n')[0]}. Add to ${registry} what it needs to know, and read it there.`,
      }));
  });
}
