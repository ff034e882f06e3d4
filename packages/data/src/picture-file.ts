import { type FileHandle, open } from 'node:fs/promises';

/** Where a picture lies: a file, or a part of a tar. */
export type PictureFile = string | TarMember;

/** A file in a tar, as webdataset reads them. */
export interface TarMember {
  readonly tar: string;
  readonly name: string;
  /** Of its first byte in the tar. */
  readonly offset: number;
  readonly length: number;
}

/** How a picture is called. */
export function nameOf(file: PictureFile): string {
  return typeof file === 'string' ? file : `${file.tar}/${file.name}`;
}

/** The bytes of a file in a tar. */
export async function readMember({ tar, offset, length }: TarMember): Promise<Buffer> {
  const handle = await open(tar, 'r');
  try {
    return await readAt(handle, offset, length);
  } finally {
    await handle.close();
  }
}

/** Bytes of a file that is open, fewer at its end. */
export async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, offset);
  return bytes.subarray(0, bytesRead);
}
