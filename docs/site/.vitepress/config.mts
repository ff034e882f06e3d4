import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';

const here = fileURLToPath(new URL('../.pages/', import.meta.url));

/** The pages of a folder that scripts/site.mjs has made, by their titles. */
function pagesOf(folder: string): DefaultTheme.SidebarItem[] {
  if (!existsSync(`${here}${folder}`)) return [];
  const all = readdirSync(`${here}${folder}`, { recursive: true, encoding: 'utf8' });
  const names = all
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.md$/.test(name) && name !== 'index.md');
  return names.sort().map((name) => {
    const [, title = name] = /^# (.+)$/m.exec(readFileSync(`${here}${folder}/${name}`, 'utf8')) ?? [];
    return { text: title.replaceAll('\\', ''), link: `/${folder}/${name.slice(0, -3)}` };
  });
}

export default defineConfig({
  title: 'vqkit',
  description:
    'Vector quantization for TypeScript: train, inspect and run the tokenizers of images, sound and vectors.',
  // Works wherever the folder is put: SITE_BASE is the path it is served from.
  base: process.env.SITE_BASE ?? '/',
  srcDir: '.pages',
  outDir: 'dist',
  cacheDir: '.vitepress/cache',
  lastUpdated: false,
  // Formulas of docstrings are wider than a phone.
  head: [['style', {}, '.vp-doc pre:not([class]) { overflow-x: auto }']],
  metaChunk: true,
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/start/pictures', activeMatch: '/start/' },
      { text: 'Guides', link: '/guides/choose', activeMatch: '/guides/' },
      { text: 'Packages', link: '/packages/', activeMatch: '/packages/' },
      { text: 'API', link: '/api/', activeMatch: '/api/' },
      { text: 'Answers', link: '/answers/', activeMatch: '/answers/' },
    ],
    sidebar: {
      '/packages/': [{ text: 'Packages', link: '/packages/', items: pagesOf('packages') }],
      '/api/': [{ text: 'API', link: '/api/', items: pagesOf('api') }],
      '/answers/': [{ text: 'Answers', link: '/answers/', items: pagesOf('answers') }],
      '/': [
        {
          text: 'Start',
          items: [
            { text: 'Pictures', link: '/start/pictures' },
            { text: 'Vectors', link: '/start/vectors' },
            { text: 'Sound', link: '/start/sound' },
          ],
        },
        {
          text: 'Guides',
          items: [
            { text: 'Choose a quantizer', link: '/guides/choose' },
            { text: 'Read the diagnosis', link: '/guides/diagnosis' },
            { text: 'Watch a run', link: '/guides/watch' },
            { text: 'The studio', link: '/guides/studio' },
            { text: 'Train on your GPU', link: '/guides/gpu' },
            { text: 'Vite, Next, workers', link: '/guides/bundlers' },
            { text: 'Python, browser, Node', link: '/guides/run-anywhere' },
            { text: 'Ids for a language model', link: '/guides/language-model' },
            { text: 'Pretrained codecs', link: '/guides/codecs' },
            { text: 'Scale out', link: '/guides/scale-out' },
          ],
        },
      ],
    },
  },
});
