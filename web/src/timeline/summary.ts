/** A timeline in short: shares of the speaking time, the trend, the moments worth playing. */

import { UNCERTAIN, type Moment, type Part, type Segment, type Summary } from "../types";

const PLAIN = new Set(["neutral", "calm", UNCERTAIN]);
const N_PARTS = 12;
const N_MOMENTS = 5;
const BESIDE_S = 10;

export function summarise(segments: Segment[], durationS: number): Summary {
  const spoken = segments.filter((segment) => segment.speech);
  const overall = shares(spoken, 0, durationS);
  return {
    duration_s: durationS,
    speech_s: spoken.reduce((sum, segment) => sum + segment.end_s - segment.start_s, 0),
    shares: overall,
    trend: trend(spoken, durationS),
    moments: moments(spoken, overall),
  };
}

/** Shares of the speaking time between two times, largest first; empty without speech. */
export function shares(segments: Segment[], startS: number, endS: number): Record<string, number> {
  const spent: Record<string, number> = {};
  for (const { start_s, end_s, label } of segments) {
    const inside = Math.min(end_s, endS) - Math.max(start_s, startS);
    if (inside > 0 && label) spent[label] = (spent[label] ?? 0) + inside;
  }
  const total = Object.values(spent).reduce((sum, time) => sum + time, 0);
  const ordered = Object.entries(spent).sort((a, b) => b[1] - a[1]);
  return Object.fromEntries(ordered.map(([label, time]) => [label, time / total]));
}

function trend(spoken: Segment[], durationS: number): Part[] {
  const width = durationS / N_PARTS;
  return Array.from({ length: N_PARTS }, (_, i) => {
    const [start_s, end_s] = [i * width, (i + 1) * width];
    const inside = spoken.map((s) => Math.max(0, Math.min(s.end_s, end_s) - Math.max(s.start_s, start_s)));
    const speech_s = inside.reduce((sum, time) => sum + time, 0);
    return { start_s, end_s, speech_s, shares: shares(spoken, start_s, end_s) };
  });
}

/** Sure, long enough to judge and rare in this recording, best first. */
function moments(spoken: Segment[], overall: Record<string, number>): Moment[] {
  const scored = spoken
    .filter((segment) => segment.label && !PLAIN.has(segment.label))
    .map((segment) => {
      const label = segment.label as string;
      const rare = 1 - Math.log2(Math.max(overall[label] ?? 0, 1e-6));
      const longEnough = Math.min(1, (segment.end_s - segment.start_s) / 2);
      return { segment, label, score: (segment.confidence ?? 0) * longEnough * rare };
    })
    .sort((a, b) => b.score - a.score);
  const kept: typeof scored = [];
  for (const one of scored) {
    const apart = kept.every((other) => Math.abs(one.segment.start_s - other.segment.start_s) > BESIDE_S);
    if (apart && kept.length < N_MOMENTS) kept.push(one);
  }
  return kept.map(({ segment, label }) => ({
    start_s: segment.start_s,
    end_s: segment.end_s,
    label,
    channel: segment.channel,
    speaker: segment.speaker,
    reason: `${label} at ${Math.round(100 * (segment.confidence ?? 0))} %`,
  }));
}
