import { withoutComments } from './workspace.mjs';

/** @import { Failure } from './workspace.mjs' */

/** A quantizer's name or kind in quotes, and that of its stack. */
const NAME = "'(?:residual-?)?(?:lfq|fsq|simvq|vq)'";

/**
 * How a file asks which quantizer it has to do with, instead of asking the registry.
 * @type {{ found: RegExp, where: RegExp, rule: string }[]}
 */
const asked = [
  {
    found: new RegExp(`[!=]==\\s*${NAME}|${NAME}\\s*[!=]==|\\bcase ${NAME}:|With\\((?:${NAME}|'residual-?')\\)`, 'i'),
    where: /^(?:packages|apps)\/[^/]+\/(?:src|experiments)\//,
    rule: "no file compares a quantizer's name",
  },
  {
    found: new RegExp(`${NAME}\\s*[,|]\\s*${NAME}`, 'i'),
    where: /^packages\/[^/]+\/src\/|^apps\/(?:train|studio)\/src\//,
    rule: 'no file lists the quantizers',
  },
  {
    found: new RegExp(`^\\s*${NAME.replaceAll("'", "'?")}:[^]*^\\s*${NAME.replaceAll("'", "'?")}:`, 'im'),
    where: /^packages\/[^/]+\/src\/|^apps\/(?:train|studio)\/src\//,
    rule: 'no file has a table by quantizer',
  },
];

/**
 * Where names of quantizers belong: the registry, their own packages, published models by the names of their files, and a format
 * that is no longer written.
 */
const exempt =
  /^packages\/(?:quantizers|lfq|fsq|simvq|vq|residual|codecs|testing)\/|^apps\/train\/src\/first-checkpoints\.ts$/;

/**
 * Only the registry knows which quantizers there are.
 * @param {Map<string, string>} files
 * @returns {Failure[]}
 */
export function checkNames(files) {
  return [...files].flatMap(([file, text]) => {
    if (!file.endsWith('.ts') || exempt.test(file)) return [];
    const code = withoutComments(text);
    return asked
      .filter(({ found, where }) => where.test(file) && found.test(code))
      .map(({ found, rule }) => ({
        file,
        rule,
        fix: `It has ${found.exec(code)?.[0]?.trim().split('\n')[0]}. Add to the entries of packages/quantizers what it needs to know, and read it there.`,
      }));
  });
}
