// A page that is cross-origin isolated has threads; without these headers it runs on one.
const headers = [
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Embedder-Policy', value: 'require-corp' },
];

export default {
  headers: async () => [
    { source: '/isolated', headers },
    { source: '/_next/:path*', headers },
  ],
};
