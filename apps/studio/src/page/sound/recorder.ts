/** Sound of the microphone. */
export interface Recorder {
  /** Begins, or ends. */
  toggle(): Promise<void>;
  close(): void;
}

/** What a recorder is given. */
interface RecorderOptions {
  /** After so many it ends by itself. */
  readonly seconds: number;
  onStart(): void;
  /** @param bytes a file in a format that this browser decodes; undefined where nothing was recorded. */
  onEnd(bytes: Promise<ArrayBuffer> | undefined): void;
}

/** Undefined where a page may not record: a browser gives microphones to pages of https and of this machine alone. */
export function createRecorder({ seconds, onStart, onEnd }: RecorderOptions): Recorder | undefined {
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  if (devices === undefined || typeof MediaRecorder === 'undefined') return undefined;
  let running: MediaRecorder | undefined;
  let closed = false;
  const free = (stream: MediaStream): void => {
    for (const track of stream.getTracks()) track.stop();
  };
  return {
    async toggle() {
      if (running !== undefined) return running.stop();
      const stream = await devices.getUserMedia({ audio: true }).catch((cause: unknown) => {
        throw new Error('The browser gives no microphone. Allow it for this page, or open a file.', { cause });
      });
      if (closed || running !== undefined) return free(stream);
      const recorder = new MediaRecorder(stream);
      running = recorder;
      const parts: Blob[] = [];
      const timer = setTimeout(() => recorder.stop(), 1000 * seconds);
      recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
      recorder.addEventListener('stop', () => {
        clearTimeout(timer);
        free(stream);
        running = undefined;
        const file = new Blob(parts);
        if (!closed) onEnd(file.size === 0 ? undefined : file.arrayBuffer());
      });
      recorder.start();
      onStart();
    },
    close() {
      closed = true;
      running?.stop();
    },
  };
}

/** The rate at which a browser decodes; it is brought to that of a tokenizer as every other sound. */
const RATE = 48_000;

/**
 * @param seconds that are kept.
 * @throws Error for what the browser cannot decode.
 */
export async function decodeByBrowser(
  name: string,
  bytes: ArrayBuffer,
  seconds: number,
): Promise<{ readonly sampleRate: number; readonly channels: readonly Float32Array[] }> {
  const context = new OfflineAudioContext(1, 1, RATE);
  const buffer = await context.decodeAudioData(bytes.slice(0)).catch((cause: unknown) => {
    throw new Error(`${name} is no sound that this browser can decode. Choose a WAV, FLAC, Ogg or MP3.`, { cause });
  });
  return {
    sampleRate: buffer.sampleRate,
    channels: Array.from({ length: buffer.numberOfChannels }, (_, c) =>
      buffer.getChannelData(c).slice(0, seconds * RATE),
    ),
  };
}
