// What test files take from node:fs, for a page: files beside the tests are fetched from the server of the page.

/** Reads a text file at once; a worker of the tests has nothing else to do meanwhile. */
export function readFileSync(url: URL): string {
  const request = new XMLHttpRequest();
  request.open('GET', url.href, false);
  request.send();
  if (request.status !== 200) throw new Error(`${url.href}: ${request.status}`);
  return request.responseText;
}
