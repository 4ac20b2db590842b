/** The model itself: prepared pieces of sound in, probabilities out. Runs in the worker. */

import type { InferenceSession } from "onnxruntime-web";
import { isSilent, pieces, resample, trim } from "../audio/signal";
import { VAD_RATE_HZ } from "../speech/silero";
import { checkSound } from "../speech/check";
import { NO_SPEECH, UNCERTAIN, type Model, type Prediction } from "../types";
import { openSession, ort } from "./runtime";

const TRUST_WITHOUT_SPEECH = 0.2;
const BATCH_SIZE = 16;

/** What the model says of one piece. */
export interface Row {
  probabilities: number[];
  intensity: number;
}

export class Network {
  private constructor(
    readonly model: Model,
    private readonly session: InferenceSession,
    readonly speech: InferenceSession,
  ) {}

  static async open(model: Model, folder: string): Promise<Network> {
    const session = await openSession(new URL("model.onnx", folder).href);
    const speech = await openSession(new URL("speech.onnx", folder).href);
    return new Network(model, session, speech);
  }

  /** Rows of pieces (N,) at the model's rate, a batch at a time. */
  async run(signals: Float32Array[]): Promise<Row[]> {
    const rows: Row[] = [];
    for (let at = 0; at < signals.length; at += BATCH_SIZE) {
      rows.push(...(await this.batch(signals.slice(at, at + BATCH_SIZE))));
    }
    return rows;
  }

  private async batch(signals: Float32Array[]): Promise<Row[]> {
    const ready = signals.map((s) => trim(s, this.model.sample_rate, this.model.prepare.trim_db ?? 0));
    const longest = Math.max(...ready.map((signal) => signal.length));
    const waveforms = new Float32Array(ready.length * longest);
    ready.forEach((signal, i) => waveforms.set(signal, i * longest));
    const lengths = BigInt64Array.from(ready.map((signal) => BigInt(signal.length)));
    const output = await this.session.run({
      waveforms: new ort.Tensor("float32", waveforms, [ready.length, longest]),
      lengths: new ort.Tensor("int64", lengths, [ready.length]),
    });
    const shares = output.probabilities.data as Float32Array;
    const intensity = output.intensity?.data as Float32Array | undefined;
    const width = this.model.labels.length;
    return ready.map((_, i) => ({
      probabilities: [...shares.subarray(i * width, (i + 1) * width)],
      intensity: intensity ? intensity[i] : NaN,
    }));
  }

  /** One recording at any rate, as ``Recognizer.predict_audio`` answers. */
  async predict(signal: Float32Array, rate: number, name: string): Promise<Prediction> {
    const { sample_rate, labels } = this.model;
    const ready = resample(signal, rate, sample_rate);
    if (!ready.length || isSilent(ready)) throw new Error("only silence. Check the microphone.");
    const rows = await this.run(pieces(ready, sample_rate));
    const warnings = await checkSound(this.speech, resample(ready, sample_rate, VAD_RATE_HZ));
    const spoken = !warnings.includes(NO_SPEECH);
    const shares = labels.map((_, i) => {
      const mean = rows.reduce((sum, row) => sum + row.probabilities[i], 0) / rows.length;
      return spoken ? mean : TRUST_WITHOUT_SPEECH * mean + (1 - TRUST_WITHOUT_SPEECH) / labels.length;
    });
    const best = shares.indexOf(Math.max(...shares));
    const intensity = rows.reduce((sum, row) => sum + row.intensity, 0) / rows.length;
    return {
      path: name,
      start_s: 0,
      end_s: signal.length / rate,
      label: spoken ? labels[best] : UNCERTAIN,
      confidence: shares[best],
      probabilities: Object.fromEntries(labels.map((label, i) => [label, shares[i]])),
      intensity: Number.isNaN(intensity) ? null : intensity,
      text: null,
      error: null,
      warnings,
    };
  }
}
