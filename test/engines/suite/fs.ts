// What test files take from node:fs, for a page: files beside the tests are fetched from the server of the page.

/** Reads a file at once, as text where an encoding is named; a worker of the tests has nothing else to do meanwhile. */
export function readFileSync(url: URL, encoding?: 'utf8'): string | Uint8Array {
  const request = new XMLHttpRequest();
  request.open('GET', url.href, false);
  // One character for each byte, where the bytes are wanted: a page may ask for binary data only if it can wait.
  if (encoding === undefined) request.overrideMimeType('text/plain; charset=x-user-defined');
  request.send();
  if (request.status !== 200) throw new Error(`${url.href}: ${request.status}`);
  return encoding === undefined
    ? Uint8Array.from(request.responseText, (character) => character.charCodeAt(0) & 0xff)
    : request.responseText;
}
