/** Silero's voice activity model, frame by frame. */

import type { InferenceSession } from "onnxruntime-web";
import { ort } from "../engines/runtime";

export const VAD_RATE_HZ = 16000;
export const FRAME_SAMPLES = 512;

const CONTEXT_SAMPLES = 64;
const STATE_SIZE = 128;

/** Tells how likely speech is in each frame, and remembers the frames before. */
export class Silero {
  private state = new Float32Array(2 * STATE_SIZE);
  private context = new Float32Array(CONTEXT_SAMPLES);

  constructor(private readonly session: InferenceSession) {}

  /** The next frame, (512,) at 16 kHz, to the probability of speech. */
  async next(frame: Float32Array): Promise<number> {
    const input = new Float32Array(CONTEXT_SAMPLES + FRAME_SAMPLES);
    input.set(this.context);
    input.set(frame, CONTEXT_SAMPLES);
    const output = await this.session.run({
      input: new ort.Tensor("float32", input, [1, input.length]),
      state: new ort.Tensor("float32", this.state, [2, 1, STATE_SIZE]),
      sr: new ort.Tensor("int64", BigInt64Array.from([BigInt(VAD_RATE_HZ)]), []),
    });
    const [probability, state] = this.session.outputNames.map((name) => output[name]);
    this.state = state.data as Float32Array<ArrayBuffer>;
    this.context = input.slice(-CONTEXT_SAMPLES);
    return (probability.data as Float32Array)[0];
  }
}

/** A signal (N,) as frames, the last filled up with zeros. */
export function frames(signal: Float32Array): Float32Array[] {
  const n = Math.ceil(signal.length / FRAME_SAMPLES);
  return Array.from({ length: n }, (_, i) => {
    const frame = new Float32Array(FRAME_SAMPLES);
    frame.set(signal.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES));
    return frame;
  });
}
