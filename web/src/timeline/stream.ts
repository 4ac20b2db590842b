/** Live sound: blocks of any size in, a prediction every hop out; as serotone's EmotionStream. */

import { Resampler, withMargin } from "../audio/signal";
import type { Network } from "../engines/network";
import { SpeechDetector } from "../speech/spans";
import { VAD_RATE_HZ } from "../speech/silero";
import { NO_SPEECH, UNCERTAIN, type Prediction } from "../types";
import { blend } from "./smooth";

const WINDOW_S = 3;
const HOP_S = 0.5;
const WARM_UP_S = 0.5;
const CONTEXT_S = 0.2;
const MARGIN_S = 0.6;
const DWELL_S = 1;

export class EmotionStream {
  private readonly rate: number;
  private readonly convert: Resampler;
  private readonly toSpeechRate: Resampler;
  private readonly detector: SpeechDetector;
  private readonly nHop: number;
  private ring: Float32Array;
  private waiting = new Float32Array(0);
  private nTaken = 0;
  private believed: number[];
  private believedAtS = -Infinity;

  constructor(private readonly network: Network, rate: number) {
    this.rate = network.model.sample_rate;
    this.convert = new Resampler(rate, this.rate);
    this.toSpeechRate = new Resampler(this.rate, VAD_RATE_HZ);
    this.detector = new SpeechDetector(network.speech);
    this.nHop = Math.round(HOP_S * this.rate);
    this.ring = new Float32Array(Math.round(WINDOW_S * this.rate));
    this.believed = network.model.labels.map(() => 1 / network.model.labels.length);
  }

  private get nowS(): number {
    return this.nTaken / this.rate;
  }

  async push(block: Float32Array): Promise<Prediction[]> {
    const ready = this.convert.push(block);
    const joined = new Float32Array(this.waiting.length + ready.length);
    joined.set(this.waiting);
    joined.set(ready, this.waiting.length);
    const nWhole = joined.length - (joined.length % this.nHop);
    this.waiting = joined.slice(nWhole);
    const found: Prediction[] = [];
    for (let at = 0; at < nWhole; at += this.nHop) {
      const speechFrom = await this.take(joined.subarray(at, at + this.nHop));
      found.push(await this.predict(speechFrom));
    }
    return found;
  }

  /** Take one hop in; where the latest speech in it began, null without any. */
  private async take(hop: Float32Array): Promise<number | null> {
    const ring = new Float32Array(this.ring.length);
    ring.set(this.ring.subarray(hop.length));
    ring.set(hop, ring.length - hop.length);
    this.ring = ring;
    this.nTaken += hop.length;
    const spans = await this.detector.push(this.toSpeechRate.push(hop));
    const span = this.detector.open ?? spans.at(-1);
    return span ? span[0] / VAD_RATE_HZ : null;
  }

  private async predict(speechFrom: number | null): Promise<Prediction> {
    const spokenS = speechFrom === null ? 0 : this.nowS - speechFrom;
    if (speechFrom === null || spokenS < WARM_UP_S) {
      return this.answer(speechFrom === null ? NO_SPEECH : UNCERTAIN, NaN);
    }
    const n = Math.round(Math.min(WINDOW_S, spokenS + CONTEXT_S) * this.rate);
    const window = withMargin(this.ring.subarray(this.ring.length - n), this.rate, MARGIN_S);
    const [row] = await this.network.run([window]);
    this.believed = blend(this.believed, row.probabilities, this.nowS - this.believedAtS, DWELL_S);
    this.believedAtS = this.nowS;
    return this.answer("", row.intensity);
  }

  private answer(label: string, intensity: number): Prediction {
    const { labels } = this.network.model;
    const best = this.believed.indexOf(Math.max(...this.believed));
    return {
      path: "live",
      start_s: this.nowS - HOP_S,
      end_s: this.nowS,
      label: label || labels[best],
      confidence: this.believed[best],
      probabilities: Object.fromEntries(labels.map((name, i) => [name, this.believed[i]])),
      intensity: Number.isNaN(intensity) ? null : intensity,
      text: null,
      error: null,
    };
  }
}
