/**
 * A text as one word of a shell, so that a command that is printed can be pasted.
 * @example
 * console.log(`vqkit train --resume ${shellWord("runs/a b")}`); // vqkit train --resume 'runs/a b'
 */
export function shellWord(text: string): string {
  return /^[\w./][\w./-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
