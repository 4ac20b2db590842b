/** One recording: its emotion at once, then its course, its words, and why. */

import { html, nothing, type TemplateResult } from "lit-html";
import type { App, View } from "../app";
import { decode, type Sound } from "../audio/decode";
import type { Explanation } from "../explain";
import { clock, saysNoSpeech } from "../format";
import { Player } from "../player";
import { Recorder } from "../recorder";
import type { Prediction, Segment, Timeline } from "../types";
import { alert, busy, dropZone, legend, verdict } from "./shared";
import { copies } from "./copies";
import { question } from "./question";
import { why } from "./why";
import { words } from "./words";

const WORDS_S = 60;
const MOST_S = 600;

/** What is known of the recording so far. */
interface Clip {
  file: File;
  name: string;
  sound: Sound | null;
  prediction: Prediction | null;
  segments: Segment[];
  explanation: Explanation | null;
  explaining: boolean;
  told: Prediction | null;
}

export class ClipView implements View {
  readonly id = "clip";
  readonly title = "Clip";
  private recorder: Recorder | null = null;
  private working = "";
  private error = "";
  private clip: Clip | null = null;
  private player: Player | null = null;
  private withWords = true;

  constructor(private readonly app: App) {}

  hidden(): void {
    if (this.recorder) void this.record();
  }

  template(): TemplateResult {
    const answered = this.clip?.prediction;
    return html`
      <section class="card ${answered ? "compact" : ""}" aria-label="Your recording">${this.input()}</section>
      ${this.error ? alert(this.error) : nothing}
      ${this.working ? busy(this.working, null) : nothing}
      <div aria-live="polite">${this.clip && answered ? this.answer(this.clip, answered) : nothing}</div>
    `;
  }

  private input(): TemplateResult {
    const { samples, words, engine } = this.app.config;
    const recording = this.recorder;
    const record = html`<button type="button" class="button primary" @click=${() => this.record()}>
      ${recording ? html`<span class="glyph-stop" aria-hidden="true"></span>Stop · ${clock(recording.seconds)}` : "Record"}
    </button>`;
    return html`
      ${dropZone(
        {
          id: "clip-file",
          label: "Choose a file",
          hint: "Or drop a recording here: WAV, MP3, FLAC, OGG, M4A or a video, up to ten minutes.",
          multiple: false,
        },
        ([file]) => void this.take(file),
        record,
      )}
      ${recording ? meter(recording.level) : nothing}
      <div class="row further">
        ${words
          ? html`<label class="check"
              ><input
                type="checkbox"
                ?checked=${this.withWords}
                @change=${({ target }: Event) => (this.withWords = (target as HTMLInputElement).checked)}
              />Transcribe the words too (English)</label
            >`
          : nothing}
        ${samples.length
          ? html`<details class="samples">
              <summary>Synthetic voices to try</summary>
              <div class="row">
                ${samples.map(
                  ({ file, name }) =>
                    html`<button type="button" class="button small" @click=${() => this.sample(file)}>${name}</button>`,
                )}
              </div>
            </details>`
          : nothing}
      </div>
      <p class="soft privacy">
        ${engine === "browser"
          ? "The model runs in this page. No sound leaves this device."
          : "Your recording goes to this server alone, is analysed in memory and is not kept."}
      </p>
    `;
  }

  private answer(clip: Clip, prediction: Prediction): TemplateResult {
    const { labels } = this.app.config.model;
    const nobody = saysNoSpeech(prediction);
    const used = [...new Set(clip.segments.flatMap((s) => (s.speech && s.label ? [s.label] : [])))];
    return html`
      <section class="card" aria-label="Answer">
        ${verdict(prediction, labels, clip.name)}
        ${this.player ? html`<div class="block">${this.player.element}</div>` : nothing}
        ${used.length > 1 ? legend(used, labels) : nothing}
        ${nobody ? nothing : why(this.app, clip, () => this.explain(clip))}
      </section>
      ${clip.told?.senses ? words(clip.told, labels) : nothing}
      ${nobody ? nothing : question(this.app, clip.file.name, prediction)}
      ${copies(this.app, clip.file, prediction, labels)}
    `;
  }

  private async record(): Promise<void> {
    if (this.recorder) {
      const file = this.recorder.stop();
      this.recorder = null;
      return this.take(file, "Your recording");
    }
    this.error = "";
    const recorder = new Recorder(() => this.app.changed());
    try {
      await recorder.start(() => {
        recorder.stop();
        this.recorder = null;
        this.fail("No sound comes from the microphone. Choose another one in the browser's settings.");
      });
      this.recorder = recorder;
    } catch (error) {
      this.fail((error as Error).message);
    }
    this.app.changed();
  }

  private async sample(address: string): Promise<void> {
    const answer = await fetch(new URL(address, document.baseURI));
    const name = address.split("/").at(-1) ?? address;
    await this.take(new File([await answer.blob()], name, { type: "audio/wav" }));
  }

  /** Predict a file; each answer is shown as soon as it is there. */
  private async take(file: File, name = file.name): Promise<void> {
    this.player?.close();
    this.player = null;
    this.error = "";
    const clip: Clip = {
      file,
      name,
      sound: null,
      prediction: null,
      segments: [],
      explanation: null,
      explaining: false,
      told: null,
    };
    this.clip = clip;
    try {
      await this.step("Listening for the emotion", () => this.predict(clip));
      if (clip.prediction && !saysNoSpeech(clip.prediction)) await this.follow(clip, clip.prediction);
    } catch (error) {
      if (this.clip === clip) this.fail((error as Error).message);
    }
  }

  private async predict(clip: Clip): Promise<void> {
    const { engine, config } = this.app;
    clip.sound = await decode(clip.file).catch(() => null);
    const lengthS = clip.sound ? clip.sound.signal.length / clip.sound.rate : 0;
    if (lengthS > MOST_S) throw new Error(`${clip.name} is longer than ten minutes. Use the tab Recording.`);
    clip.prediction = { ...(await engine.predict(clip.file, { words: false })), path: clip.file.name };
    if (clip.sound && this.clip === clip) {
      this.player = new Player(clip.file, clip.sound, config.model.labels);
      this.app.changed();
    }
  }

  /** The course and the words of a clip in which somebody speaks. */
  private async follow(clip: Clip, prediction: Prediction): Promise<void> {
    const { engine, config } = this.app;
    await this.step("Following it over time", async () => {
      const timeline = await engine.timeline(clip.file, () => {});
      clip.segments = agreeing(timeline, prediction);
      if (this.clip === clip) this.player?.mark(clip.segments);
    });
    if (!(this.withWords && config.words && prediction.end_s <= WORDS_S) || this.clip !== clip) return;
    await this.step("Transcribing the words", async () => {
      clip.told = await engine.predict(clip.file, { words: true });
    });
  }

  private async explain(clip: Clip): Promise<void> {
    if (!clip.sound || !clip.prediction) return;
    clip.explaining = true;
    this.app.changed();
    try {
      const [label] = Object.entries(clip.prediction.probabilities).sort((a, b) => b[1] - a[1])[0];
      const found = await this.app.engine.explain(clip.sound, label);
      const most = Math.max(...found.times.map(({ drop }) => drop), 1e-6);
      clip.explanation = found;
      this.player?.shade(found.times.map((t) => ({ ...t, weight: Math.max(0, t.drop / most) })));
    } catch (error) {
      this.fail((error as Error).message);
    }
    clip.explaining = false;
    this.app.changed();
  }

  private async step(what: string, work: () => Promise<void>): Promise<void> {
    this.working = what;
    this.app.changed();
    try {
      await work();
    } finally {
      this.working = "";
      this.app.changed();
    }
  }

  private fail(text: string): void {
    this.error = text;
    this.working = "";
    this.app.changed();
  }
}

function meter(share: number): TemplateResult {
  return html`<meter class="level" min="0" max="1" .value=${share} aria-label="Level of the microphone"></meter>`;
}

/** Segments whose only stretch of speech says what the whole recording says. */
function agreeing(timeline: Timeline, whole: Prediction): Segment[] {
  const spoken = timeline.segments.filter(({ speech }) => speech);
  if (spoken.length !== 1) return timeline.segments;
  const { label, confidence, probabilities, intensity } = whole;
  return timeline.segments.map((s) => (s.speech ? { ...s, label, confidence, probabilities, intensity } : s));
}

