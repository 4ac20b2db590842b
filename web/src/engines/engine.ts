/** Who answers: a service, or the model in this browser. The page asks both alike. */

import type { Sound } from "../audio/decode";
import type { Explanation } from "../explain";
import type { Answer, PageConfig, Prediction, Timeline } from "../types";

/** Called with the share of the work that is done, 0 to 1, and what is being done. */
export type Progress = (share: number, what: string) => void;

export interface Engine {
  /** Predict one recording; with ``words`` also what was said, where the engine can. */
  predict(file: File, options: { words: boolean }): Promise<Prediction>;

  /** Predict several recordings; ``onAnswer`` takes each answer with its place in ``files``. */
  predictMany(files: File[], onAnswer: (place: number, answer: Answer) => void): Promise<void>;

  /** Who felt what, when. */
  timeline(file: File, onProgress: Progress): Promise<Timeline>;

  /** Which moments and bands carry the likeliest emotion of a short clip. */
  explain(sound: Sound, label: string): Promise<Explanation>;

  /** Predict sound as it comes. */
  listen(rate: number, onAnswer: (prediction: Prediction) => void, onEnd: (why: string) => void): Listening;
}

/** A live session: blocks in, answers to the callback. */
export interface Listening {
  push(block: Float32Array): void;
  close(): void;
}

/** A request that was refused, in a sentence for people. */
export class Refused extends Error {}

export async function openEngine(config: PageConfig): Promise<Engine> {
  if (config.engine === "service") {
    const { ServiceEngine } = await import("./service");
    return new ServiceEngine(config);
  }
  const { BrowserEngine } = await import("./browser");
  return BrowserEngine.open(config);
}
