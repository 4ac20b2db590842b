/** Numbers and labels as people read them. */

import { NO_SPEECH, UNCERTAIN, type Prediction } from "./types";

export const percent = (share: number): string => `${Math.round(100 * share)}\u00a0%`;

/** 75 as 1:15, 3675 as 1:01:15. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(s).padStart(2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

/** 2.8 s, 45 s, 1:15 min, 10 min, 1 h, 1 h 30 min. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${clock(seconds)} min`.replace(":00 min", " min");
  const minutes = Math.round((seconds % 3600) / 60);
  return `${Math.floor(seconds / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
}

export function bytes(n: number): string {
  return n >= 1e6 ? `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} MB` : `${Math.ceil(n / 1e3)} kB`;
}

const ADJECTIVES: Record<string, string> = { disgust: "disgusted" };

/** How one says that somebody sounds so. */
export const adjective = (label: string): string => ADJECTIVES[label] ?? label;

export function headline(label: string): string {
  if (label === NO_SPEECH) return "No speech";
  if (label === UNCERTAIN) return "Hard to say";
  return `Sounds ${adjective(label)}`;
}

const SURE: [number, string][] = [
  [0.85, "Very sure"],
  [0.6, "Fairly sure"],
  [0.4, "Unsure"],
  [0, "Hardly more than a guess"],
];

const WARNINGS: Record<string, string> = { short: "Under one second of sound: little more than a guess." };

/** How far to believe it, and what else it may be, in a sentence or two. */
export function howSure(prediction: Prediction): string {
  const [first, second] = ranked(prediction.probabilities);
  const sure = SURE.find(([least]) => first[1] >= least)?.[1] ?? "";
  const or = second && second[1] >= 0.1 ? `, or ${second[0]} ${percent(second[1])}` : "";
  const warnings = (prediction.warnings ?? []).map((w) => WARNINGS[w]).filter(Boolean);
  return [`${sure}: ${first[0]} ${percent(first[1])}${or}.`, ...warnings].join(" ");
}

export function ranked(shares: Record<string, number>): [string, number][] {
  return Object.entries(shares).sort((a, b) => b[1] - a[1]);
}

export function intensityWord(value: number | null): string {
  if (value === null) return "";
  return value >= 0.66 ? "strong" : value >= 0.33 ? "moderate" : "weak";
}

export const saysNoSpeech = (prediction: Prediction): boolean =>
  (prediction.warnings ?? []).includes(NO_SPEECH);
