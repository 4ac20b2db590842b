/** The microphone, answered twice a second. */

import { html, nothing, svg, type TemplateResult } from "lit-html";
import type { App, View } from "../app";
import { level, Microphone, microphones } from "../audio/microphone";
import type { Listening } from "../engines/engine";
import { duration, percent } from "../format";
import { colour } from "../palette";
import { shares } from "../timeline/summary";
import { NO_SPEECH, UNCERTAIN, type Prediction, type Segment } from "../types";
import { alert, key, legend, verdict } from "./shared";

const SHOWN_S = 60;
const HOP_S = 0.5;
const TICKS_S = [60, 45, 30, 15, 0];

export class LiveView implements View {
  readonly id = "live";
  readonly title = "Live";
  private devices: MediaDeviceInfo[] = [];
  private device = "";
  private microphone: Microphone | null = null;
  private listening: Listening | null = null;
  private starting = false;
  private level = 0;
  private past: Prediction[] = [];
  private error = "";

  constructor(private readonly app: App) {
    void this.look();
  }

  hidden(): void {
    this.stop();
  }

  template(): TemplateResult {
    const on = this.microphone !== null || this.starting;
    const last = this.past.at(-1);
    return html`
      <section class="card" aria-label="Microphone">
        <div class="actions">
          <button type="button" class="button primary" aria-pressed=${on} @click=${() => (on ? this.stop() : this.start())}>
            ${on ? html`<span class="glyph-stop" aria-hidden="true"></span>Stop` : "Start"}
          </button>
          ${this.picker()}
        </div>
        <label class="row level-row"
          ><span class="soft">Level</span>
          <meter class="level" min="0" max="1" .value=${this.level}></meter>
          <span class="soft scale" aria-hidden="true"><span>−60</span><span>−30</span><span>0 dB</span></span></label
        >
        <p class="soft privacy">
          ${this.app.config.engine === "browser"
            ? "The model runs in this page. No sound leaves this device."
            : `The sound goes to this server alone and is written nowhere. A session ends after
            ${duration(this.app.config.limits.stream_s)}.`}
        </p>
      </section>
      ${this.error ? alert(this.error) : nothing}
      ${last ? html`<section class="card" aria-label="Now">${on ? this.now(last) : this.summary()} ${this.chart()}</section>` : nothing}
    `;
  }

  private picker(): TemplateResult | typeof nothing {
    if (this.devices.length < 2) return nothing;
    return html`<label class="row"
      ><span class="soft">Microphone</span>
      <select
        @change=${({ target }: Event) => {
          this.device = (target as HTMLSelectElement).value;
          if (this.microphone) {
            this.stop();
            void this.start();
          }
        }}
      >
        ${this.devices.map(
          ({ deviceId, label }, i) =>
            html`<option value=${deviceId} ?selected=${deviceId === this.device}>${label || `Microphone ${i + 1}`}</option>`,
        )}
      </select></label
    >`;
  }

  private now(last: Prediction): TemplateResult {
    return last.label === NO_SPEECH
      ? html`<h2 class="verdict">Waiting for a voice</h2>`
      : verdict(last, this.app.config.model.labels);
  }

  private summary(): TemplateResult {
    const segments = this.past.filter(spoken).map(({ start_s, end_s, label }) => ({ start_s, end_s, label }) as Segment);
    const parts = Object.entries(shares(segments, 0, Infinity));
    const length = this.past.length * HOP_S;
    if (!parts.length) return html`<h2>No speech found in ${duration(length)}</h2>`;
    return html`<h2>${duration(length)}, of which ${duration(segments.length * HOP_S)} with a voice</h2>
      <p class="legend">${parts.map(([label, share]) => key(label, this.app.config.model.labels, ` ${percent(share)}`))}</p>`;
  }

  /** The last minute: a column each answer, as high as it was sure; low and grey in pauses. */
  private chart(): TemplateResult {
    const { labels } = this.app.config.model;
    const n = SHOWN_S / HOP_S;
    const shown = this.past.slice(-n);
    const used = [...new Set(shown.filter(spoken).map(({ label }) => label))];
    const [left, top, height] = [46, 8, 120];
    // Not scaled down on a phone, where its letters would be too small.
    const width = Math.min(630, innerWidth - 120);
    const step = width / n;
    const columns = shown.map((prediction, i) => {
      const tall = spoken(prediction) ? height * prediction.confidence : 3;
      const fill = spoken(prediction) ? colour(prediction.label, labels) : colour(UNCERTAIN, labels);
      const x = left + (n - shown.length + i) * step;
      return svg`<rect x=${x} y=${top + height - tall} width=${step - 1} height=${tall} fill=${fill} />`;
    });
    const marks = [0, 0.5, 1].map(
      (share) => svg`<g><line x1=${left} x2=${left + width} y1=${top + height * (1 - share)} y2=${top + height * (1 - share)} />
        <text x=${left - 6} y=${top + height * (1 - share) + 4} text-anchor="end">${`${100 * share}%`}</text></g>`,
    );
    const ticks = TICKS_S.map(
      (ago) =>
        svg`<text x=${left + width * (1 - ago / SHOWN_S)} y=${top + height + 18} text-anchor=${ago === 0 ? "end" : "middle"}>${ago ? `−${ago} s` : "now"}</text>`,
    );
    const said = used.length ? used.join(", ") : "no speech";
    return html`<h3>The last minute</h3>
      <svg class="chart" viewBox="0 0 ${left + width + 8} ${top + height + 26}" role="img" aria-label="Confidence over the last minute: ${said}">
        ${marks}${columns}${ticks}
      </svg>
      ${used.length ? legend(used, labels) : nothing}`;
  }

  private async look(): Promise<void> {
    this.devices = await microphones();
    this.app.changed();
  }

  private async start(): Promise<void> {
    [this.error, this.past, this.starting] = ["", [], true];
    this.app.changed();
    const silent = (): void =>
      this.end("No sound comes from the microphone. Press Start again, or choose another one.");
    try {
      const microphone = await Microphone.open((block) => this.receive(block), silent, this.device);
      if (!this.starting) return microphone.close();
      this.microphone = microphone;
      this.listening = this.app.engine.listen(
        microphone.rate,
        (prediction) => this.take(prediction),
        (why) => this.end(why),
      );
      await this.look();
    } catch (error) {
      this.end((error as Error).message);
    }
  }

  private receive(block: Float32Array): void {
    this.level = level(block);
    this.listening?.push(block);
    this.app.changed();
  }

  private take(prediction: Prediction): void {
    this.past.push(prediction);
    this.app.changed();
  }

  private stop(): void {
    this.starting = false;
    this.microphone?.close();
    this.listening?.close();
    [this.microphone, this.listening, this.level] = [null, null, 0];
    this.app.changed();
  }

  private end(why: string): void {
    this.stop();
    this.error = why;
    this.app.changed();
  }
}

const spoken = ({ label }: Prediction): boolean => label !== NO_SPEECH && label !== UNCERTAIN;

