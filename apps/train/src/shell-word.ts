/**
 * A text as one word of a shell, so that a command that is printed can be pasted: of POSIX shells, or on Windows of cmd and PowerShell alike.
 * @example
 * console.log(`vqkit train --resume ${shellWord("runs/a b")}`); // vqkit train --resume 'runs/a b'
 */
export function shellWord(text: string, windows: boolean = process.platform === 'win32'): string {
  if (windows) return /^[\w.:/\\][\w.:/\\-]*$/.test(text) ? text : `"${text.replaceAll('"', '')}"`;
  return /^[\w./][\w./-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
