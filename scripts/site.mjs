#!/usr/bin/env node
// `npm run site`: the documentation as static files, docs/site/dist. It puts the guides, the READMEs, the answers and the API of every package, by TypeDoc, into docs/site/.pages and has VitePress build
// them; a link that leads nowhere fails it. The generator is installed in docs/site alone. SITE_BASE is the path that the site is served from, `/vqkit/`. `npm run site -- --dev` serves it while you write.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { publishedPackages } from './pack.mjs';
import { ensureBuilt, ensureInstalled, pnpm, requireNode, root } from './setup.mjs';

const site = join(root, 'docs/site');
const pages = join(site, '.pages');

/** Pages of the site by their files, from the root: `packages/fsq/README.md` is `packages/fsq.md`. */
const sources = new Map([
  ['docs/site/index.md', 'index.md'],
  ['docs/ARCHITECTURE.md', 'internals/architecture.md'],
  ['docs/vector-quantize-pytorch.md', 'internals/vector-quantize-pytorch.md'],
  ['CONTRIBUTING.md', 'internals/contributing.md'],
  ...filesOf('docs/site/start', 'start'),
  ...filesOf('docs/site/guides', 'guides'),
  ...filesOf('docs/answers', 'answers'),
  ...filesOf('docs/decisions', 'decisions'),
  ...publishedPackages().map(
    /** @returns {[string, string]} */ ({ folder }) => [`${folder}/README.md`, `packages/${posix.basename(folder)}.md`],
  ),
]);

/**
 * @param {string} folder
 * @param {string} into
 * @returns {[string, string][]}
 */
function filesOf(folder, into) {
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.md'));
  return names.map((name) => [`${folder}/${name}`, `${into}/${name === 'README.md' ? 'index.md' : name}`]);
}

/**
 * The text of a page, its links to other pages turned to where these stand, pictures copied, and links to other files of the repository turned to plain text.
 * @param {string} file
 * @param {string} page
 */
function pageOf(file, page) {
  const text = readFileSync(join(root, file), 'utf8');
  const pattern = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)/g;
  return outsideOfBlocks(text, (prose) =>
    prose.replace(pattern, (whole, isPicture, label, target) => {
      if (/^(\w+:|#)/.test(target)) return whole;
      const [path = '', anchor] = target.split('#');
      const wanted = posix.normalize(posix.join(posix.dirname(file), path)).replace(/\/$/, '');
      if (isPicture !== '') return `![${label}](${picture(wanted, page)})`;
      const linked = sources.get(wanted) ?? sources.get(`${wanted}/README.md`);
      if (linked === undefined) return label;
      return `[${label}](${posix.relative(posix.dirname(page), linked)}${anchor === undefined ? '' : `#${anchor}`})`;
    }),
  );
}

/**
 * Changes what stands outside of blocks of code.
 * @param {string} text
 * @param {(prose: string) => string} change
 */
function outsideOfBlocks(text, change) {
  return text
    .split(/(^```[\s\S]*?^```$)/gm)
    .map((part, i) => (i % 2 === 1 ? part : change(part)))
    .join('');
}

/**
 * @param {string} file
 * @param {string} page
 */
function picture(file, page) {
  const copy = join(pages, 'pictures', posix.basename(file));
  mkdirSync(dirname(copy), { recursive: true });
  cpSync(join(root, file), copy);
  return posix.relative(posix.dirname(page), `pictures/${posix.basename(file)}`);
}

/** @param {string} page @param {string} text */
function write(page, text) {
  const path = join(pages, page);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The types of every entry of every package, by their names: `@vqkit/fsq/codec`. */
function entries() {
  return publishedPackages().flatMap(({ name, folder }) => {
    const { exports = {} } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return Object.entries(exports).flatMap(([entry, { types }]) =>
      types === undefined ? [] : [{ name: posix.join(name, entry), types: join(root, folder, types) }],
    );
  });
}

/** The API: a page for each entry. TypeDoc names modules by their folders, so that each entry is a file of its own name. */
function writeApi() {
  const folder = join(site, '.entries');
  rmSync(folder, { recursive: true, force: true });
  const files = entries().map(({ name, types }) => {
    const file = join(folder, `${name.replace('@vqkit/', '').replaceAll('/', '-')}.ts`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, `/** @module ${name} */\nexport * from ${JSON.stringify(types.replace(/\.d\.ts$/, '.js'))};\n`);
    return file;
  });
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  writeFileSync(
    join(folder, 'typedoc.json'),
    JSON.stringify({
      entryPoints: files,
      tsconfig: join(folder, 'tsconfig.json'),
      out: join(pages, 'api'),
      plugin: ['typedoc-plugin-markdown'],
      readme: 'none',
      name: 'API',
      entryFileName: 'index.md',
      outputFileStrategy: 'modules',
      disableSources: true,
      skipErrorChecking: true,
      excludeExternals: false,
      hideBreadcrumbs: true,
      hidePageHeader: true,
      useCodeBlocks: true,
      useHTMLAnchors: true,
      sanitizeComments: true,
      formatWithPrettier: false,
      parametersFormat: 'table',
      interfacePropertiesFormat: 'table',
      typeDeclarationFormat: 'table',
      tableColumnSettings: { hideModifiers: true, leftAlignHeaders: true },
      groupOrder: ['Functions', 'Classes', '*'],
      validation: { notExported: false, invalidLink: false, rewrittenLink: false },
      logLevel: 'Warn',
    }),
  );
  runHere('typedoc', ['--options', join(folder, 'typedoc.json')]);
}

/**
 * A program of the site's own packages.
 * @param {string} program
 * @param {string[]} args
 */
function runHere(program, args) {
  const bin = { typedoc: 'typedoc/bin/typedoc', vitepress: 'vitepress/bin/vitepress.js' }[program] ?? program;
  const { status } = spawnSync(process.execPath, [join(site, 'node_modules', bin), ...args], {
    cwd: site,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`${program} ended with exit code ${status}`);
}

/** An index of the packages, as the README has it. */
function packagesPage() {
  const readme = pageOf('README.md', 'packages/index.md');
  const [table = ''] = /^\| package[\s\S]*?\n\n/m.exec(readme) ?? [];
  return `# Packages\n\nA user installs one quantizer and one engine, and gets nothing else.\n\n${table}`;
}

requireNode();
ensureInstalled();
ensureBuilt();
pnpm(['install', '--dir', 'docs/site', '--frozen-lockfile', '--silent']);
rmSync(pages, { recursive: true, force: true });
for (const [file, page] of sources) write(page, pageOf(file, page));
write('packages/index.md', packagesPage());
if (existsSync(join(site, 'public'))) cpSync(join(site, 'public'), join(pages, 'public'), { recursive: true });
writeApi();
runHere('vitepress', process.argv.includes('--dev') ? ['dev', '.'] : ['build', '.']);
if (!process.argv.includes('--dev')) {
  const files = readdirSync(join(site, 'dist'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join(site, 'dist', name),
  );
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  console.log(
    `docs/site/dist: ${files.filter((name) => name.endsWith('.html')).length} pages, ${(bytes / 1e6).toFixed(1)} MB`,
  );
}
