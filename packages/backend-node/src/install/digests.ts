import { InstallError } from './error.ts';

/**
 * SHA-256 of the archives that tfjs-node 4.22.0 downloads, by platform and processor: as nixpkgs pins them, and for x64 the Bazel rules of
 * wamuir/graft as well.
 */
const KNOWN: Readonly<Record<string, string>> = {
  'linux-x64': '7f510d2546e3db5e10b1d119463689003d587842892ad3c95bca51cf82820173',
  'linux-arm64': '9395d1ff39f5b6847f5121e679ff4e599dc7061a2a7f87ceac061c78e908e6e3',
  'darwin-x64': '56f83d3320ba0f69aaafd6c058645e1b7fbc75fb9a3fc36d6be98de1291ca226',
  'darwin-arm64': '13ab22b97e2af06e431aaeb7b42fb89981965dd01aa16da035d8210aa4183d79',
};

/**
 * Refuses a downloaded archive that is not byte for byte the known one, before anything of it is unpacked, compiled or run. A mirror has to
 * serve the same bytes.
 */
export function requireKnownArchive(address: string, sha256: string): void {
  const known = KNOWN[`${process.platform}-${process.arch}`];
  if (sha256 === known) return;
  throw new InstallError(
    `the archive of ${address}`,
    `be the official one, whose SHA-256 is ${known ?? 'known'}`,
    sha256,
    'Look at proxies and at TFJS_NODE_BASE_URI, or use --method pip. If you trust another archive, download it yourself and name it with --from.',
  );
}
