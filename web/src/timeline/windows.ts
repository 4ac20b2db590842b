/** Stretches of speech to windows that overlap, none across a pause: as serotone's Python cuts. */

import type { InferenceSession } from "onnxruntime-web";
import { SpeechDetector, type Span } from "../speech/spans";
import { VAD_RATE_HZ } from "../speech/silero";
import { resample } from "../audio/signal";

const LENGTH_S = 3;
const HOP_S = 1.5;
const LEAST_S = 1;
const CONTEXT_S = 0.2;

/** Windows of one stretch of speech, in samples, and the part that each answers for. */
export interface Stretch {
  windows: Span[];
  owned: Span[];
}

/** All stretches of speech in a signal (N,), in samples of its own rate. */
export async function stretches(
  speech: InferenceSession,
  signal: Float32Array,
  rate: number,
): Promise<Stretch[]> {
  const detector = new SpeechDetector(speech);
  const spans = await detector.push(resample(signal, rate, VAD_RATE_HZ));
  spans.push(...(await detector.flush()));
  const found: Stretch[] = [];
  let lastEnd = 0;
  for (const span of spans) {
    const [first, end] = span.map((at) => Math.round((at * rate) / VAD_RATE_HZ));
    const last = Math.min(end, signal.length);
    const windows = cut(first, last, lastEnd, signal.length, rate);
    found.push({ windows, owned: owned(windows, [first, last]) });
    lastEnd = last;
  }
  return found;
}

function cut(first: number, last: number, lastEnd: number, nSamples: number, rate: number): Span[] {
  const [length, hop, least, context] = [LENGTH_S, HOP_S, LEAST_S, CONTEXT_S].map((s) => Math.round(s * rate));
  const begin = Math.max(lastEnd, first - context);
  const windows: Span[] = [];
  for (let start = begin; start + length <= last; start += hop) windows.push([start, start + length]);
  const audible = Math.min(last + context, nSamples);
  const rest = audible - (begin + windows.length * hop);
  // A little more than the last window heard is not worth another.
  if (!windows.length || rest - (length - hop) > Math.floor(hop / 4)) {
    const start = Math.max(begin, audible - length);
    windows.push([Math.max(lastEnd, Math.min(start, audible - least)), audible]);
  }
  return windows;
}

/** Neighbours meet halfway between their centres. */
function owned(windows: Span[], [first, last]: Span): Span[] {
  const centres = windows.map(([start, end]) => (start + end) / 2);
  const between = centres.slice(1).map((centre, i) => (centre + centres[i]) / 2);
  const edges = [first, ...between, last];
  return windows.map((_, i) => [edges[i], edges[i + 1]]);
}
