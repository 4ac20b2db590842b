/** What the page and its worker say to each other. */

import type { Model, Prediction, Timeline } from "../types";

/** Methods of the worker: arguments and result. */
export interface Work {
  open: { args: { model: Model; folder: string }; result: null };
  predict: { args: { signal: Float32Array; rate: number; name: string }; result: Prediction };
  shares: { args: { signals: Float32Array[]; rate: number; label: string }; result: number[] };
  timeline: { args: { signal: Float32Array; rate: number; name: string }; result: Timeline };
  listen: { args: { rate: number }; result: null };
  push: { args: { block: Float32Array }; result: Prediction[] };
}

export interface Job<K extends keyof Work = keyof Work> {
  id: number;
  method: K;
  args: Work[K]["args"];
}

export type Reply = { id: number; progress: number } | { id: number; result: unknown } | { id: number; error: string };
