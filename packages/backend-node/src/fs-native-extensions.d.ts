/** The part that is used of a package without types. */
declare module 'fs-native-extensions' {
  /** Locks the whole open file for writing; false where another has it locked. */
  export function tryLock(fd: number): boolean;
}
