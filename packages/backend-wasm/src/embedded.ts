/**
 * A WebAssembly module that the build has written into a JavaScript file, deflated and in base64 (scripts/build-kernels.mjs): no bundler has
 * to find a file, no server has to serve one, and over a network it takes what the gzipped module takes.
 */
export async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const deflated = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
