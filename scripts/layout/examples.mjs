/** @import { Failure, Manifest } from './workspace.mjs' */

/**
 * The projects of examples/, which are no packages of the workspace: what a user copies.
 * @param {Map<string, string>} files
 * @returns {Failure[]}
 */
export function checkExamples(files) {
  const tfjs = /"@tensorflow\/tfjs-core": (\S+)/.exec(files.get('pnpm-workspace.yaml') ?? '')?.[1];
  const folders = new Set([...files.keys()].flatMap((path) => /^examples\/[^/]+(?=\/)/.exec(path) ?? []));
  return [...folders].flatMap((dir) => {
    const missing = ['README.md', 'package.json'].filter((name) => !files.has(`${dir}/${name}`));
    /** @type {Manifest} */
    const { name, private: isPrivate, dependencies = {} } = JSON.parse(files.get(`${dir}/package.json`) ?? '{}');
    const folder = dir.split('/')[1] ?? '';
    const others = Object.entries(dependencies).filter(([own, range]) => /^@tensorflow\//.test(own) && range !== tfjs);
    return [
      ...missing.map((file) => ({
        file: `${dir}/${file}`,
        rule: 'every example has this file',
        fix: 'Copy the form of examples/node.',
      })),
      ...(name === `vqkit-example-${folder}` && isPrivate
        ? []
        : [
            {
              file: `${dir}/package.json`,
              rule: `an example is private and called vqkit-example-${folder}`,
              fix: `Got ${name}.`,
            },
          ]),
      ...others.map(([own, range]) => ({
        file: `${dir}/package.json`,
        rule: `dependencies["${own}"] is the one exact version of the catalog`,
        fix: `Write "${tfjs}", not "${range}": two copies of tfjs-core do not share classes.`,
      })),
      ...(files.get('examples/README.md')?.includes(`](${folder})`) === false
        ? [{ file: 'examples/README.md', rule: `the table of examples has ${folder}`, fix: 'Add it.' }]
        : []),
    ];
  });
}
