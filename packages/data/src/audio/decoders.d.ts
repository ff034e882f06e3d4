// The decoders that are optional: their own types are not there where they are not installed, and what decode-sound.ts asks of them is this.
interface OptionalDecoder {
  decode(bytes: Uint8Array): {
    readonly channelData: readonly Float32Array[];
    readonly sampleRate: number;
    readonly errors?: readonly { readonly message: string }[];
  };
  flush?(): ReturnType<OptionalDecoder['decode']>;
  free(): void;
}

declare module '@audio/decode-flac' {
  export function decoder(): Promise<OptionalDecoder>;
}
declare module '@audio/decode-mp3' {
  export function decoder(): Promise<OptionalDecoder>;
}
declare module '@audio/decode-vorbis' {
  export function decoder(): Promise<OptionalDecoder>;
}
declare module '@audio/decode-opus' {
  export function decoder(): Promise<OptionalDecoder>;
}
