import { withoutComments } from './workspace.mjs';

/** @import { Failure } from './workspace.mjs' */

/** A quantizer's name or kind in quotes, and that of its stack. */
const NAME = "'(?:residual-?)?(?:lfq|fsq|simvq|vq)'";

/**
 * The tables by quantizer: the registry; what a layer of a published codec is on tensors and as JSON, by its method; and the defaults of a format that
 * is no longer written.
 */
const REGISTRIES =
  /^packages\/(?:quantizers\/src\/entries|codecs\/src\/(?:quantizer|codec-json))\.ts$|^apps\/train\/src\/first-checkpoints\.ts$/;

/**
 * How a file asks which quantizer it has to do with, instead of asking the registry.
 * @type {{ found: RegExp, where: RegExp, registries: RegExp, rule: string }[]}
 */
const asked = [
  {
    found: new RegExp(`[!=]==\\s*${NAME}|${NAME}\\s*[!=]==|\\bcase ${NAME}:|With\\((?:${NAME}|'residual-?')\\)`, 'i'),
    where: /^(?:packages|apps)\/[^/]+\/(?:src|experiments)\/|^scripts\//,
    registries: /^$/,
    rule: "no file compares a quantizer's name",
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
 * Only the registry knows which quantizers there are.
 * @param {Map<string, string>} files
 * @returns {Failure[]}
 */
export function checkNames(files) {
  return [...files].flatMap(([file, text]) => {
    if (!/\.(?:ts|mjs)$/.test(file)) return [];
    const code = withoutComments(text);
    return asked
      .filter(({ found, where, registries }) => where.test(file) && !registries.test(file) && found.test(code))
      .map(({ found, rule }) => ({
        file,
        rule,
        fix: `It has ${found.exec(code)?.[0]?.trim().split('\n')[0]}. Add to the entries of packages/quantizers what it needs to know, and read it there.`,
      }));
  });
}
