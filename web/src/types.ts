/** What predictions, timelines and models look like: the JSON of the service's routes. */

export interface Prediction {
  path: string;
  start_s: number;
  end_s: number;
  label: string;
  confidence: number;
  probabilities: Record<string, number>;
  intensity: number | null;
  text: string | null;
  error: null;
  warnings?: string[];
  senses?: Senses;
}

/** A file that gave no prediction, and why. */
export interface Failure {
  path: string;
  error: string;
}

export type Answer = Prediction | Failure;

interface Share {
  label: string;
  confidence: number;
  probabilities: Record<string, number>;
}

/** What voice and words say apart and together. */
export interface Senses {
  voice: Share | null;
  words: Share | null;
  both: Share;
  transcript: { text: string; language: string; confidence: number };
  contributions: { text: string; weight: number }[];
}

export interface Segment {
  start_s: number;
  end_s: number;
  speech: boolean;
  label: string | null;
  confidence: number | null;
  probabilities: Record<string, number> | null;
  intensity: number | null;
  channel: number | null;
  speaker: string | null;
  text: string | null;
}

export interface Moment {
  start_s: number;
  end_s: number;
  label: string;
  channel: number | null;
  speaker: string | null;
  reason: string;
}

export interface Part {
  start_s: number;
  end_s: number;
  speech_s: number;
  shares: Record<string, number>;
}

export interface Summary {
  duration_s: number;
  speech_s: number;
  shares: Record<string, number>;
  trend: Part[];
  moments: Moment[];
}

export interface Timeline {
  path: string;
  duration_s: number;
  segments: Segment[];
  summary: Summary;
}

/** How often a model was right on one corpus. */
export interface Figure {
  corpus: string;
  protocol: string;
  n: number;
  uar: number;
  uar_ci?: [number, number] | null;
  ece?: number | null;
  labels?: string[];
  per_class?: Record<string, { n: number; recall: number; precision: number }>;
  n_speakers: number;
}

export interface Model {
  name: string;
  labels: string[];
  sample_rate: number;
  prepare: Record<string, number>;
  licence: string;
  n_parameters: number;
  size_bytes: number;
  date: string;
  corpora: { title: string; licence: string; n_clips: number }[];
  n_train_speakers: number;
  n_dev_speakers: number;
  figures: Figure[];
  /** Calibration over all test clips together. */
  together: { n: number; n_speakers: number; ece: number } | null;
  limits: string[];
  not_for: string[];
}

export interface Limits {
  upload_bytes: number;
  duration_s: number;
  timeline_s: number;
  batch_files: number;
  stream_s: number;
}

/** ``page.json``: who answers, and what it can. */
export interface PageConfig {
  engine: "service" | "browser";
  version: string;
  words: boolean;
  model: Model;
  limits: Limits;
  samples: { file: string; name: string }[];
}

export const UNCERTAIN = "uncertain";
export const NO_SPEECH = "no-speech";

export const isFailure = (answer: Answer): answer is Failure => answer.error !== null;
