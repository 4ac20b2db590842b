/** A recording of any length to a timeline, in the worker. */

import { withMargin, resample } from "../audio/signal";
import type { Network } from "../engines/network";
import type { Timeline } from "../types";
import { toSegments, type Part } from "./segments";
import { posteriors } from "./smooth";
import { summarise } from "./summary";
import { stretches } from "./windows";

const MARGIN_S = 0.6;
const BATCH_SIZE = 8;

export async function analyse(
  network: Network,
  signal: Float32Array,
  rate: number,
  name: string,
  onProgress: (share: number) => void,
): Promise<Timeline> {
  const { sample_rate, labels } = network.model;
  const ready = resample(signal, rate, sample_rate);
  const durationS = signal.length / rate;
  const found = await stretches(network.speech, ready, sample_rate);
  const parts = found.flatMap(({ windows, owned }, stretch) =>
    windows.map((window, i): { window: typeof window; part: Part } => ({
      window,
      part: {
        start_s: owned[i][0] / sample_rate,
        end_s: owned[i][1] / sample_rate,
        row: [],
        intensity: NaN,
        stretch,
      },
    })),
  );
  for (let at = 0; at < parts.length; at += BATCH_SIZE) {
    const some = parts.slice(at, at + BATCH_SIZE);
    const cut = some.map(({ window: [start, end] }) => withMargin(ready.subarray(start, end), sample_rate, MARGIN_S));
    const rows = await network.run(cut);
    some.forEach(({ part }, i) => {
      part.row = rows[i].probabilities;
      part.intensity = rows[i].intensity;
    });
    onProgress(Math.min(1, (at + BATCH_SIZE) / parts.length));
  }
  const smooth = posteriors(
    parts.map(({ part }) => part.row),
    parts.map(({ part }) => (part.start_s + part.end_s) / 2),
  );
  const told = parts.map(({ part }, i) => ({ ...part, row: smooth[i] }));
  const segments = toSegments(told, durationS, labels);
  return { path: name, duration_s: durationS, segments, summary: summarise(segments, durationS) };
}
