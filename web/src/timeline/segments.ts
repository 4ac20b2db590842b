/** What single windows said, joined to segments of speech with an emotion each. */

import type { Segment } from "../types";

/** What one window said, over the part of the speech that it answers for. */
export interface Part {
  start_s: number;
  end_s: number;
  row: number[];
  intensity: number;
  stretch: number;
}

/** Join neighbours whose likeliest emotion is the same, and fill the pauses. */
export function toSegments(parts: Part[], durationS: number, labels: string[]): Segment[] {
  const runs: Part[][] = [];
  parts.forEach((part) => {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const goesOn = last?.stretch === part.stretch && best(last.row) === best(part.row);
    if (run && goesOn) run.push(part);
    else runs.push([part]);
  });
  return withPauses(runs.map((run) => segment(run, labels)), durationS);
}

const best = (row: number[]): number => row.indexOf(Math.max(...row));

function segment(parts: Part[], labels: string[]): Segment {
  const weights = parts.map((part) => Math.max(part.end_s - part.start_s, 1e-3));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (value: (part: Part) => number): number =>
    parts.reduce((sum, part, i) => sum + weights[i] * value(part), 0) / total;
  const row = labels.map((_, k) => mean((part) => part.row[k]));
  const intensity = mean((part) => part.intensity);
  return {
    ...pause(parts[0].start_s, parts[parts.length - 1].end_s),
    speech: true,
    label: labels[best(row)],
    confidence: row[best(row)],
    probabilities: Object.fromEntries(labels.map((label, k) => [label, row[k]])),
    intensity: Number.isNaN(intensity) ? null : intensity,
  };
}

function pause(start_s: number, end_s: number): Segment {
  return {
    start_s,
    end_s,
    speech: false,
    label: null,
    confidence: null,
    probabilities: null,
    intensity: null,
    channel: null,
    speaker: null,
    text: null,
  };
}

function withPauses(segments: Segment[], durationS: number): Segment[] {
  const found: Segment[] = [];
  let at = 0;
  for (const one of segments) {
    if (one.start_s > at) found.push(pause(at, one.start_s));
    found.push(one);
    at = one.end_s;
  }
  if (durationS > at) found.push(pause(at, durationS));
  return found;
}
