/** The service's routes: /v1/predict, /v1/batch, /v1/timeline and /v1/stream. */

import { joined, toWav, type Sound } from "../audio/decode";
import { explanation, occluded, type Explanation } from "../explain";
import { bytes, clock } from "../format";
import { isFailure, type Answer, type Limits, type PageConfig, type Prediction, type Timeline } from "../types";
import { Refused, type Engine, type Listening, type Progress } from "./engine";

const AT_ONCE = 8;
const SEND_EVERY_S = 0.1;
const HOP_S = 0.5;

export class ServiceEngine implements Engine {
  private readonly limits: Limits;

  constructor(config: PageConfig) {
    this.limits = config.limits;
  }

  async predict(file: File, { words }: { words: boolean }): Promise<Prediction> {
    this.check(file);
    return send<Prediction>(`v1/predict${words ? "?words=true" : ""}`, form("file", [file]));
  }

  async predictMany(files: File[], onAnswer: (place: number, answer: Answer) => void): Promise<void> {
    for (let at = 0; at < files.length; at += AT_ONCE) {
      const some = files.slice(at, at + AT_ONCE);
      const { results } = await send<{ results: Answer[] }>("v1/batch", form("files", some));
      results.forEach((answer, i) => onAnswer(at + i, { ...answer, path: some[i].name }));
    }
  }

  timeline(file: File, onProgress: Progress): Promise<Timeline> {
    this.check(file);
    return send<Timeline>("v1/timeline", form("file", [file]), onProgress);
  }

  async explain({ signal, rate }: Sound, label: string): Promise<Explanation> {
    const sounds = [signal, ...occluded(signal, rate)];
    const files = sounds.map((one, i) => new File([toWav({ signal: one, rate })], `${i}.wav`));
    const shares: number[] = new Array(files.length);
    await this.predictMany(files, (place, answer) => {
      shares[place] = isFailure(answer) ? 0 : answer.probabilities[label];
    });
    return explanation(label, shares[0], shares.slice(1), signal.length / rate);
  }

  listen(rate: number, onAnswer: (prediction: Prediction) => void, onEnd: (why: string) => void): Listening {
    const address = new URL(`v1/stream?format=s16le&sample_rate=${rate}&hop_s=${HOP_S}`, document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    return new ServiceListening(new WebSocket(address), rate, onAnswer, onEnd);
  }

  private check(file: File): void {
    if (file.size <= this.limits.upload_bytes) return;
    throw new Refused(
      `${file.name} has ${bytes(file.size)}; this service takes up to ${bytes(this.limits.upload_bytes)}. ` +
        "Send a shorter part, or use 'serotone timeline' on your own machine.",
    );
  }
}

class ServiceListening implements Listening {
  private waiting: Float32Array[] = [];
  private nWaiting = 0;
  private ended = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly rate: number,
    onAnswer: (prediction: Prediction) => void,
    onEnd: (why: string) => void,
  ) {
    let refusal = "";
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      const message = JSON.parse(data) as Prediction | { error: string } | { event: string };
      if ("event" in message) return;
      if (message.error) refusal = message.error;
      else onAnswer(message as Prediction);
    };
    socket.onclose = ({ reason }) => {
      if (!this.ended) onEnd(refusal || reason || "The service cannot be reached. Try again.");
      this.ended = true;
    };
  }

  push(block: Float32Array): void {
    this.waiting.push(block);
    this.nWaiting += block.length;
    if (this.nWaiting < SEND_EVERY_S * this.rate || this.socket.readyState !== WebSocket.OPEN) return;
    const samples = joined(this.waiting);
    [this.waiting, this.nWaiting] = [[], 0];
    this.socket.send(Int16Array.from(samples, (x) => Math.max(-1, Math.min(1, x)) * 32767));
  }

  close(): void {
    this.ended = true;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send("end");
    else this.socket.close();
  }
}

function form(name: string, files: File[]): FormData {
  const body = new FormData();
  for (const file of files) body.append(name, file, file.name);
  return body;
}

/** POST with progress of the upload, which fetch does not tell. */
function send<T>(path: string, body: FormData, onProgress: Progress = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", new URL(path, document.baseURI));
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total, "Uploading");
    request.upload.onload = () => onProgress(1, "Analysing");
    request.onerror = () => reject(new Refused("The service cannot be reached. Is it still running?"));
    request.onload = () => {
      if (request.status === 200) resolve(request.response as T);
      else reject(new Refused(sentence(request)));
    };
    request.send(body);
  });
}

function sentence(request: XMLHttpRequest): string {
  const { error } = (request.response ?? {}) as { error?: string };
  const wait = Number(request.getResponseHeader("Retry-After") ?? 0);
  return `${error ?? `The service answered ${request.status}.`}${wait ? ` Try again in ${clock(wait)}.` : ""}`;
}
