/** Where somebody speaks: hysteresis over the probabilities of frames. */

import type { InferenceSession } from "onnxruntime-web";
import { FRAME_SAMPLES, Silero, VAD_RATE_HZ } from "./silero";

const ON = 0.5;
const OFF = 0.35;
const MIN_SPEECH_S = 0.25;
const MIN_SILENCE_S = 0.3;
const PAD_S = 0.1;

/** A stretch, in samples at 16 kHz. */
export type Span = [start: number, end: number];

/** Turns one speech probability per frame into spans. */
export class SpanTracker {
  private nSeen = 0;
  private start: number | null = null;
  private end = 0;
  private readonly pad = Math.round(PAD_S * VAD_RATE_HZ);

  /** Speech that goes on: where the span will begin, and how far it is sure to reach. */
  get open(): Span | null {
    return this.start === null ? null : [Math.max(0, this.start - this.pad), this.end];
  }

  push(probability: number): Span | null {
    const frameStart = this.nSeen;
    this.nSeen += FRAME_SAMPLES;
    if (this.start === null) {
      if (probability >= ON) [this.start, this.end] = [frameStart, this.nSeen];
      return null;
    }
    if (probability >= OFF) {
      this.end = this.nSeen;
      return null;
    }
    if (this.nSeen - this.end < MIN_SILENCE_S * VAD_RATE_HZ) return null;
    return this.close(this.nSeen);
  }

  /** End what is open, at the end of a sound of ``nSamples``. */
  close(nSamples: number): Span | null {
    const start = this.start;
    this.start = null;
    const end = Math.min(this.end, nSamples);
    if (start === null || end - start < MIN_SPEECH_S * VAD_RATE_HZ) return null;
    return [Math.max(0, start - this.pad), Math.min(nSamples, end + this.pad)];
  }
}

/** Finds speech in a signal at 16 kHz that arrives in blocks of any size. */
export class SpeechDetector {
  private readonly tracker = new SpanTracker();
  private readonly silero: Silero;
  private waiting = new Float32Array(0);
  private nSamples = 0;

  constructor(session: InferenceSession) {
    this.silero = new Silero(session);
  }

  get open(): Span | null {
    return this.tracker.open;
  }

  async push(signal: Float32Array): Promise<Span[]> {
    this.nSamples += signal.length;
    const joined = new Float32Array(this.waiting.length + signal.length);
    joined.set(this.waiting);
    joined.set(signal, this.waiting.length);
    const nWhole = joined.length - (joined.length % FRAME_SAMPLES);
    this.waiting = joined.slice(nWhole);
    const spans: Span[] = [];
    for (let at = 0; at < nWhole; at += FRAME_SAMPLES) {
      const frame = joined.subarray(at, at + FRAME_SAMPLES);
      const span = this.tracker.push(await this.silero.next(frame));
      if (span) spans.push(span);
    }
    return spans;
  }

  /** End the sound; the span that it leaves open. */
  async flush(): Promise<Span[]> {
    const spans: (Span | null)[] = [];
    if (this.waiting.length) {
      const frame = new Float32Array(FRAME_SAMPLES);
      frame.set(this.waiting);
      spans.push(this.tracker.push(await this.silero.next(frame)));
    }
    spans.push(this.tracker.close(this.nSamples));
    return spans.filter((span) => span !== null);
  }
}
