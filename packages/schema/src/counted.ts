/**
 * A number with its noun, which takes an -s unless the number is 1.
 * @param text how the number is written.
 * @example
 * counted(1, 'image'); // '1 image'
 * counted(2, 'image'); // '2 images'
 */
export function counted(count: number, noun: string, text: string = String(count)): string {
  return `${text} ${noun}${count === 1 ? '' : 's'}`;
}
