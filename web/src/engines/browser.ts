/** The model in this browser: no sound leaves the device. */

import { decode, NotAudio, type Sound } from "../audio/decode";
import { explanation, occluded, type Explanation } from "../explain";
import { duration } from "../format";
import type { Answer, PageConfig, Prediction, Timeline } from "../types";
import { Refused, type Engine, type Listening, type Progress } from "./engine";
import type { Job, Reply, Work } from "./protocol";

const MAX_WAITING_S = 4;

/** Calls methods of the worker and hands back what it answers. */
class Caller {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void; tell: (share: number) => void }
  >();
  private nJobs = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<Reply>) => this.take(data);
    this.worker.onerror = ({ message }) => {
      for (const { reject } of this.waiting.values()) reject(new Refused(message));
      this.waiting.clear();
    };
  }

  call<K extends keyof Work>(
    method: K,
    args: Work[K]["args"],
    tell: (share: number) => void = () => {},
  ): Promise<Work[K]["result"]> {
    return new Promise((resolve, reject) => {
      const job: Job<K> = { id: this.nJobs++, method, args };
      this.waiting.set(job.id, { resolve, reject, tell });
      this.worker.postMessage(job);
    });
  }

  private take(reply: Reply): void {
    const job = this.waiting.get(reply.id);
    if (!job) return;
    if ("progress" in reply) return job.tell(reply.progress);
    this.waiting.delete(reply.id);
    if ("error" in reply) job.reject(new Refused(reply.error));
    else job.resolve(reply.result as never);
  }
}

export class BrowserEngine implements Engine {
  private constructor(
    private readonly config: PageConfig,
    private readonly caller: Caller,
  ) {}

  static async open(config: PageConfig): Promise<BrowserEngine> {
    const caller = new Caller();
    await caller.call("open", { model: config.model, folder: document.baseURI });
    return new BrowserEngine(config, caller);
  }

  async predict(file: File): Promise<Prediction> {
    const { signal, rate } = await decoded(file);
    this.checkLength(file.name, signal.length / rate, this.config.limits.duration_s);
    return this.caller.call("predict", { signal, rate, name: file.name });
  }

  async predictMany(files: File[], onAnswer: (place: number, answer: Answer) => void): Promise<void> {
    for (const [place, file] of files.entries()) {
      try {
        onAnswer(place, await this.predict(file));
      } catch (error) {
        onAnswer(place, { path: file.name, error: (error as Error).message });
      }
    }
  }

  async timeline(file: File, onProgress: Progress): Promise<Timeline> {
    onProgress(0, "Reading");
    const { signal, rate } = await decoded(file, this.config.model.sample_rate);
    this.checkLength(file.name, signal.length / rate, this.config.limits.timeline_s);
    const tell = (share: number): void => onProgress(share, "Analysing");
    return this.caller.call("timeline", { signal, rate, name: file.name }, tell);
  }

  async explain({ signal, rate }: Sound, label: string): Promise<Explanation> {
    const signals = [signal, ...occluded(signal, rate)];
    const [whole, ...without] = await this.caller.call("shares", { signals, rate, label });
    return explanation(label, whole, without, signal.length / rate);
  }

  listen(rate: number, onAnswer: (prediction: Prediction) => void, onEnd: (why: string) => void): Listening {
    let open = true;
    let nWaiting = 0;
    void this.caller.call("listen", { rate });
    return {
      push: (block) => {
        if (!open) return;
        nWaiting += block.length;
        if (nWaiting > MAX_WAITING_S * rate) {
          open = false;
          return onEnd("This device is too slow to follow live. Record a clip instead.");
        }
        this.caller.call("push", { block }).then(
          (found) => {
            nWaiting -= block.length;
            if (open) found.forEach(onAnswer);
          },
          (error: Error) => onEnd(error.message),
        );
      },
      close: () => (open = false),
    };
  }

  private checkLength(name: string, lengthS: number, mostS: number): void {
    if (lengthS <= mostS) return;
    throw new Refused(`${name} is ${duration(lengthS)} long; this page takes up to ${duration(mostS)}.`);
  }
}

async function decoded(file: File, rate?: number): Promise<Sound> {
  try {
    return await decode(file, rate);
  } catch (error) {
    if (error instanceof NotAudio) throw new Refused(`${file.name}: ${error.message}.`);
    throw error;
  }
}
