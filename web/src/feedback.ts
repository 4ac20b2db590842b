/** "Was this right?": answers kept in this browser, saved as a labelled table. */

import { csv } from "./csv";

const KEY = "serotone-feedback";

export interface Verdict {
  path: string;
  label: string;
  predicted: string;
  confidence: number;
  at: string;
}

export function verdicts(): Verdict[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Verdict[];
  } catch {
    return [];
  }
}

/** Keep a verdict; a later one on the same file replaces it. */
export function keep(verdict: Verdict): void {
  const others = verdicts().filter(({ path }) => path !== verdict.path);
  localStorage.setItem(KEY, JSON.stringify([...others, verdict]));
}

export function forget(): void {
  localStorage.removeItem(KEY);
}

/** The columns that ``serotone corpus audit`` and ``--corpus table`` read, speaker to be filled in. */
export function feedbackCsv(): string {
  return csv(
    ["path", "label", "speaker", "predicted", "confidence", "at"],
    verdicts().map((v) => [v.path, v.label, "", v.predicted, v.confidence, v.at]),
  );
}
