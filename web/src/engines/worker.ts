/** Runs the model beside the page, so that the page answers to the user meanwhile. */

import { pieces, resample } from "../audio/signal";
import { analyse } from "../timeline/analyse";
import { EmotionStream } from "../timeline/stream";
import { Network } from "./network";
import type { Job, Work } from "./protocol";

let network: Network;
let stream: EmotionStream;
let turn: Promise<void> = Promise.resolve();

type Methods = { [K in keyof Work]: (args: Work[K]["args"], tell: (share: number) => void) => Promise<Work[K]["result"]> };

const methods: Methods = {
  async open({ model, folder }) {
    network = await Network.open(model, folder);
    // The first run is slow; let it not be the user's.
    await network.run([new Float32Array(model.sample_rate)]);
    return null;
  },
  predict: ({ signal, rate, name }) => network.predict(signal, rate, name),
  async shares({ signals, rate, label }) {
    const { sample_rate, labels } = network.model;
    const place = labels.indexOf(label);
    const found: number[] = [];
    for (const signal of signals) {
      const rows = await network.run(pieces(resample(signal, rate, sample_rate), sample_rate));
      found.push(rows.reduce((sum, row) => sum + row.probabilities[place], 0) / rows.length);
    }
    return found;
  },
  timeline: ({ signal, rate, name }, tell) => analyse(network, signal, rate, name, tell),
  async listen({ rate }) {
    stream = new EmotionStream(network, rate);
    return null;
  },
  push: ({ block }) => stream.push(block),
};

// One after another: a session of onnxruntime cannot run twice at a time.
self.onmessage = ({ data }: MessageEvent<Job>) => {
  turn = turn.then(() => work(data));
};

async function work<K extends keyof Work>({ id, method, args }: Job<K>): Promise<void> {
  try {
    const result = await methods[method](args, (progress) => self.postMessage({ id, progress }));
    self.postMessage({ id, result });
  } catch (error) {
    self.postMessage({ id, error: (error as Error).message });
  }
}
