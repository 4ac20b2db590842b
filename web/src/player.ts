/** A recording to look at and to play: waveform, segments by emotion, time axis, keyboard. */

import WaveSurfer from "wavesurfer.js";
import RegionsPlugin from "wavesurfer.js/dist/plugins/regions.js";
import { html, nothing, render } from "lit-html";
import { peaks } from "./audio/signal";
import type { Sound } from "./audio/decode";
import { clock, percent } from "./format";
import { code, colour } from "./palette";
import type { Segment } from "./types";

const HEIGHT = 88;
const N_PEAKS = 1200;
const STEP_S = 1;
/** Narrower segments are marked with letters, still narrower ones by colour alone. */
const NAME_PX = 70;
const CODE_PX = 22;

/** Steps of the time axis, and how many of them fit on a phone. */
const TICKS_S = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1200];
const MOST_TICKS = 6;

/** A stretch of the recording to shade, from 0 (none) to 1. */
export interface Shade {
  start_s: number;
  end_s: number;
  weight: number;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export class Player {
  readonly element = document.createElement("div");
  private readonly audio = new Audio();
  private readonly regions = RegionsPlugin.create();
  private readonly surfer: WaveSurfer;
  private readonly stage = document.createElement("div");
  private readonly axis = document.createElement("div");
  private readonly strip = document.createElement("div");
  private readonly bar = document.createElement("div");
  private readonly url: string;
  private readonly lengthS: number;
  private segments: Segment[] = [];

  constructor(
    file: Blob,
    sound: Sound,
    private readonly labels: string[],
    private readonly onTime: (seconds: number) => void = () => {},
  ) {
    this.lengthS = sound.signal.length / sound.rate;
    this.url = URL.createObjectURL(file);
    this.audio.src = this.url;
    this.element.className = "player";
    this.stage.className = "stage";
    this.axis.className = "ticks";
    this.axis.ariaHidden = "true";
    this.strip.className = "shades";
    this.bar.className = "transport";
    this.element.append(this.bar, this.stage, this.strip, this.axis);
    this.surfer = WaveSurfer.create({
      container: this.stage,
      height: HEIGHT,
      media: this.audio,
      peaks: [peaks(sound.signal, Math.min(N_PEAKS, sound.signal.length))],
      duration: this.lengthS,
      normalize: true,
      barWidth: 2,
      barGap: 1,
      barRadius: 2,
      cspNonce: "waveform",
      plugins: [this.regions],
      ...colours(),
    });
    this.makeSlider();
    this.makeAxis();
    for (const event of ["play", "pause", "timeupdate", "seeking", "loadedmetadata"] as const) {
      this.audio.addEventListener(event, () => this.update());
    }
    this.surfer.on("ready", () => this.draw());
    dark.addEventListener("change", this.retint);
    this.update();
  }

  /** Show segments over the waveform. */
  mark(segments: Segment[]): void {
    this.segments = segments.filter((segment) => segment.speech);
    this.draw();
    this.update();
  }

  /** Draw what carried an answer below the waveform. */
  shade(shades: Shade[]): void {
    render(
      html`${shades.map((shade) => {
        const place = document.createElement("i");
        place.style.left = `${(100 * shade.start_s) / this.lengthS}%`;
        place.style.width = `${(100 * (shade.end_s - shade.start_s)) / this.lengthS}%`;
        place.style.opacity = String(shade.weight);
        return place;
      })}`,
      this.strip,
    );
  }

  play(fromS: number): void {
    this.audio.currentTime = fromS;
    // Refused where the user has not touched the page yet; nothing is lost then.
    this.audio.play().catch(() => {});
  }

  seek(toS: number): void {
    this.audio.currentTime = Math.min(this.lengthS, Math.max(0, toS));
    this.update();
  }

  close(): void {
    dark.removeEventListener("change", this.retint);
    this.audio.pause();
    this.surfer.destroy();
    URL.revokeObjectURL(this.url);
  }

  private readonly retint = (): void => this.surfer.setOptions(colours());

  private toggle(): void {
    if (this.audio.paused) this.play(this.audio.currentTime);
    else this.audio.pause();
  }

  private makeSlider(): void {
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "slider");
    this.stage.setAttribute("aria-label", "Position in the recording");
    this.stage.setAttribute("aria-valuemin", "0");
    this.stage.setAttribute("aria-valuemax", this.lengthS.toFixed(1));
    const step = Math.max(0.1, Math.min(STEP_S, this.lengthS / 20));
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.seek(this.audio.currentTime - step),
      ArrowRight: () => this.seek(this.audio.currentTime + step),
      PageDown: () => this.seek(this.audio.currentTime - 10 * step),
      PageUp: () => this.seek(this.audio.currentTime + 10 * step),
      Home: () => this.seek(0),
      End: () => this.seek(this.lengthS),
      " ": () => this.toggle(),
    };
    this.stage.addEventListener("keydown", (event) => {
      if (!moves[event.key]) return;
      event.preventDefault();
      moves[event.key]();
    });
  }

  private makeAxis(): void {
    const step = TICKS_S.find((seconds) => this.lengthS / seconds <= MOST_TICKS) ?? this.lengthS;
    for (let at = 0; at <= this.lengthS; at += step) {
      const tick = document.createElement("span");
      tick.style.left = `${(100 * at) / this.lengthS}%`;
      tick.textContent = step < 1 ? at.toFixed(1) : clock(at);
      this.axis.append(tick);
    }
  }

  private draw(): void {
    const width = this.stage.clientWidth || 1;
    this.regions.clearRegions();
    for (const { start_s, end_s, label } of this.segments) {
      const wide = (width * (end_s - start_s)) / this.lengthS;
      const tint = colour(label ?? "", this.labels);
      const region = this.regions.addRegion({
        start: start_s,
        end: end_s,
        drag: false,
        resize: false,
        color: `color-mix(in srgb, ${tint} 16%, transparent)`,
        content: wide > NAME_PX ? (label ?? "") : wide > CODE_PX ? code(label ?? "") : "",
      });
      if (region.element) region.element.style.borderBottom = `6px solid ${tint}`;
    }
  }

  /** Tenths matter in a clip alone. */
  private time(seconds: number): string {
    return this.lengthS < 30 ? `${seconds.toFixed(1)} s` : clock(seconds);
  }

  private update(): void {
    const now = this.audio.currentTime;
    const here = this.segments.find(({ start_s, end_s }) => start_s <= now && now < end_s);
    const said = here ? `${here.label} ${percent(here.confidence ?? 0)}` : "";
    this.stage.setAttribute("aria-valuenow", now.toFixed(1));
    this.stage.setAttribute("aria-valuetext", `${clock(now)} of ${clock(this.lengthS)}${said ? `, ${said}` : ""}`);
    render(
      html`<button type="button" class="round" @click=${() => this.toggle()} aria-label=${this.audio.paused ? "Play" : "Pause"}>
          <span class=${this.audio.paused ? "glyph-play" : "glyph-pause"} aria-hidden="true"></span>
        </button>
        <span class="number">${this.time(now)} / ${this.time(this.lengthS)}</span>
        ${said ? html`<span class="soft">${said}</span>` : nothing}`,
      this.bar,
    );
    this.onTime(now);
  }
}

function colours(): { waveColor: string; progressColor: string; cursorColor: string } {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  return { waveColor: value("--wave"), progressColor: value("--wave-played"), cursorColor: value("--ink") };
}
