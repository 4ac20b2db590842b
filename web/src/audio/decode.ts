/** Files to signals, by the browser's own decoders; signals to WAV files. */

/** A signal (N,) in [-1, 1], one channel. */
export interface Sound {
  signal: Float32Array;
  rate: number;
}

export class NotAudio extends Error {}

/** The sample rate in a WAV's header, or 0 where there is none. */
function wavRate(buffer: ArrayBuffer): number {
  const view = new DataView(buffer);
  const name = (at: number): string =>
    at + 4 <= view.byteLength ? String.fromCharCode(...new Uint8Array(buffer, at, 4)) : "";
  if (name(0) !== "RIFF" || name(8) !== "WAVE") return 0;
  for (let at = 12; at + 16 <= view.byteLength; ) {
    if (name(at) === "fmt ") return view.getUint32(at + 12, true);
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return 0;
}

/**
 * Decode a file; the mean of all channels.
 *
 * The browser converts to the rate of its context: without ``rate`` that is the file's own where a
 * WAV header tells it, else 48 kHz.
 */
export async function decode(file: Blob, rate?: number): Promise<Sound> {
  const buffer = await file.arrayBuffer();
  const own = wavRate(buffer);
  const target = rate ?? (own >= 3000 && own <= 384000 ? own : 48000);
  const context = new OfflineAudioContext(1, 1, target);
  let sound: AudioBuffer;
  try {
    sound = await context.decodeAudioData(buffer);
  } catch {
    throw new NotAudio("not a recording that this browser can read");
  }
  const mono = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const values = sound.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) mono[i] += values[i] / sound.numberOfChannels;
  }
  return { signal: mono, rate: sound.sampleRate };
}

/** A WAV file of 16 bit samples. */
export function toWav({ signal, rate }: Sound): Blob {
  const view = new DataView(new ArrayBuffer(44 + 2 * signal.length));
  const text = (at: number, word: string): void =>
    [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * signal.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * signal.length, true);
  signal.forEach((x, i) =>
    view.setInt16(44 + 2 * i, Math.round(Math.max(-1, Math.min(1, x)) * 32767), true),
  );
  return new Blob([view], { type: "audio/wav" });
}

export function joined(blocks: Float32Array[]): Float32Array<ArrayBuffer> {
  const out = new Float32Array(blocks.reduce((n, block) => n + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    out.set(block, at);
    at += block.length;
  }
  return out;
}
