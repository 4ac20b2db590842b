/** A long recording: who felt what, when. */

import { html, nothing, type TemplateResult } from "lit-html";
import { styled } from "../styled";
import type { App, View } from "../app";
import { decode, type Sound } from "../audio/decode";
import { segmentsCsv } from "../csv";
import { clock, duration, percent } from "../format";
import { Player } from "../player";
import { colour } from "../palette";
import type { Moment, Segment, Summary, Timeline } from "../types";
import { alert, busy, dropZone, key, NOTHING_SAID, save } from "./shared";

/** Enough for the waveform, and little memory for an hour. */
const DISPLAY_RATE_HZ = 8000;

/** Pauses up to here stay within a block of a lane where the emotion goes on. */
const MERGE_S = 1;

export class RecordingView implements View {
  readonly id = "recording";
  readonly title = "Recording";
  private working: { what: string; share: number | null } | null = null;
  private error = "";
  private timeline: Timeline | null = null;
  private player: Player | null = null;
  private nowS = 0;

  constructor(private readonly app: App) {}

  template(): TemplateResult {
    const { limits, engine } = this.app.config;
    const size = engine === "service" ? ` and ${Math.round(limits.upload_bytes / 1e6)} MB` : "";
    return html`
      <section class="card ${this.timeline ? "compact" : ""}" aria-label="A long recording">
        ${dropZone(
          {
            id: "recording-file",
            label: "Choose a recording",
            hint: `A call, an interview, a talk: up to ${duration(limits.timeline_s)}${size}.`,
            multiple: false,
          },
          ([file]) => void this.take(file),
        )}
      </section>
      ${this.error ? alert(this.error) : nothing}
      ${this.working ? busy(this.working.what, this.working.share) : nothing}
      <div aria-live="polite">${this.timeline ? this.answer(this.timeline) : nothing}</div>
    `;
  }

  private answer(timeline: Timeline): TemplateResult {
    const { labels } = this.app.config.model;
    const { summary } = timeline;
    const spoken = timeline.segments.filter((segment) => segment.speech);
    if (!spoken.length) {
      return html`<section class="card"><h2 class="verdict">${NOTHING_SAID}</h2></section>`;
    }
    return html`
      <section class="card" aria-label="Shares">
        <p class="soft name">${timeline.path}</p>
        <h2>${sentence(summary)}</h2>
        ${shares(summary, labels)} ${this.player ? html`<div class="block">${this.player.element}</div>` : nothing}
        ${this.lanes(spoken, timeline.duration_s)}
      </section>
      <section class="card" aria-label="Moments"><h3>Moments</h3>${this.moments(summary.moments)}</section>
      <section class="card" aria-label="Along the recording">
        <h3>Along the recording</h3>
        ${trend(summary, labels)}
      </section>
      <section class="card quiet" aria-label="All segments">
        <details>
          <summary>All ${spoken.length} segments</summary>
          ${this.table(spoken)}
        </details>
        <div class="row">
          <button type="button" class="button small" @click=${() => this.save("csv")}>Save CSV</button>
          <button type="button" class="button small" @click=${() => this.save("json")}>Save JSON</button>
        </div>
      </section>
    `;
  }

  /** A lane for each voice; decorative, as the table below says the same. */
  private lanes(spoken: Segment[], lengthS: number): TemplateResult | typeof nothing {
    const voices = [...new Set(spoken.map(voice))];
    // Over the waveform of a single voice the same is shown already.
    if (voices.length < 2 && this.player) return nothing;
    const seek = (event: MouseEvent): void => {
      const area = (event.currentTarget as HTMLElement).getBoundingClientRect();
      this.player?.play(((event.clientX - area.left) / area.width) * lengthS);
    };
    return html`<div class="lanes" aria-hidden="true">
      ${voices.map(
        (name) =>
          html`<div class="lane">
            ${name ? html`<span class="soft">${name}</span>` : nothing}
            <div class="rail" @click=${seek}>
              ${merged(spoken.filter((s) => voice(s) === name)).map(
                (block) =>
                  html`<i
                    title="${clock(block.start_s)} ${block.label}"
                    ${styled({
                      left: `${(100 * block.start_s) / lengthS}%`,
                      width: `${(100 * (block.end_s - block.start_s)) / lengthS}%`,
                      background: colour(block.label ?? "", this.app.config.model.labels),
                    })}
                  ></i>`,
              )}
              <b ${styled({ left: `${(100 * this.nowS) / lengthS}%` })}></b>
            </div>
          </div>`,
      )}
    </div>`;
  }

  private moments(found: Moment[]): TemplateResult {
    if (!found.length) return html`<p>None: all of it is neutral, calm or unsure.</p>`;
    const inOrder = [...found].sort((a, b) => a.start_s - b.start_s);
    return html`<ol class="moments">
      ${inOrder.map(
        (moment) =>
          html`<li>
            ${this.jump(moment.start_s)} ${key(moment.label, this.app.config.model.labels)}
            <span class="soft">${voice(moment)} ${moment.reason.replace(/^.* at (\d+) ?%/, "$1 %")}</span>
          </li>`,
      )}
    </ol>`;
  }

  private jump(startS: number): TemplateResult {
    return html`<button type="button" class="link number" @click=${() => this.player?.play(startS)}>
      ${clock(startS)}
    </button>`;
  }

  private table(spoken: Segment[]): TemplateResult {
    const some = spoken.some((s) => voice(s));
    const inOrder = [...spoken].sort((a, b) => a.start_s - b.start_s);
    return html`<div class="wide" tabindex="0" role="region" aria-label="Table of all segments">
      <table>
        <thead>
          <tr>
            <th scope="col">from</th>
            <th scope="col">to</th>
            ${some ? html`<th scope="col">who</th>` : nothing}
            <th scope="col">emotion</th>
            <th scope="col" class="number">confidence</th>
          </tr>
        </thead>
        <tbody>
          ${inOrder.map(
            (s) =>
              html`<tr>
                <td>${this.jump(s.start_s)}</td>
                <td class="number">${clock(s.end_s)}</td>
                ${some ? html`<td>${voice(s)}</td>` : nothing}
                <td>${key(s.label ?? "", this.app.config.model.labels)}</td>
                <td class="number">${percent(s.confidence ?? 0)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  private save(kind: "csv" | "json"): void {
    if (!this.timeline) return;
    const stem = this.timeline.path.replace(/\.[^.]*$/, "");
    if (kind === "json") return save(JSON.stringify(this.timeline, null, 2), `${stem}.json`, "application/json");
    save(segmentsCsv(this.timeline.segments, this.app.config.model.labels), `${stem}.csv`, "text/csv");
  }

  private async take(file: File): Promise<void> {
    this.player?.close();
    [this.player, this.timeline, this.error] = [null, null, ""];
    this.tell(null, "Reading");
    try {
      const sound = decode(file, DISPLAY_RATE_HZ).catch(() => null);
      const timeline = await this.app.engine.timeline(file, (share, what) => this.tell(share, what));
      this.timeline = { ...timeline, path: file.name };
      this.show(file, await sound);
    } catch (error) {
      this.error = (error as Error).message;
    }
    this.working = null;
    this.app.changed();
  }

  private show(file: File, sound: Sound | null): void {
    if (!sound || !this.timeline) return;
    this.player = new Player(file, sound, this.app.config.model.labels, (seconds) => {
      this.nowS = seconds;
      this.app.changed();
    });
    const spoken = this.timeline.segments.filter((s) => s.speech);
    // Several voices have a lane each; over one waveform they would hide each other.
    if (new Set(spoken.map(voice)).size === 1) this.player.mark(merged(spoken));
  }

  private tell(share: number | null, what: string): void {
    // Once all is uploaded, nobody knows how long the rest takes.
    const done = what === "Analysing" && this.app.config.engine === "service";
    this.working = { what, share: done ? null : share };
    this.app.changed();
  }
}

function voice({ channel, speaker }: { channel: number | null; speaker: string | null }): string {
  const parts = [channel === null ? "" : `channel ${channel + 1}`, speaker ?? ""];
  return parts.filter(Boolean).join(", ");
}

/** Neighbours of one voice with the same emotion as one, over short pauses too. */
function merged(segments: Segment[]): Segment[] {
  const found: Segment[] = [];
  for (const segment of segments) {
    const last = found.at(-1);
    if (last && last.label === segment.label && segment.start_s - last.end_s <= MERGE_S) {
      found[found.length - 1] = { ...last, end_s: segment.end_s };
    } else found.push(segment);
  }
  return found;
}

function sentence({ shares, speech_s }: Summary): string {
  const [[first, share], second] = Object.entries(shares);
  const rest = second && second[1] >= 0.1 ? `, then ${second[0]} (${percent(second[1])})` : "";
  return `Mostly ${first}: ${percent(share)} of ${duration(speech_s)} of speech${rest}`;
}

/** One line, as long as the speech, parted by emotion. */
function shares({ shares }: Summary, labels: string[]): TemplateResult {
  const parts = Object.entries(shares);
  return html`<div class="share-bar" aria-hidden="true">
      ${parts.map(
        ([label, share]) =>
          html`<i ${styled({ width: `${100 * share}%`, background: colour(label, labels) })}></i>`,
      )}
    </div>
    <p class="legend">${parts.map(([label, share]) => key(label, labels, ` ${percent(share)}`))}</p>`;
}

/** Stacked columns, one for each equal part. */
function trend({ trend, duration_s }: Summary, labels: string[]): TemplateResult {
  const text = trend
    .map(({ start_s, shares }) => `${clock(start_s)} ${Object.keys(shares)[0] ?? "no speech"}`)
    .join(", ");
  return html`<div class="trend" role="img" aria-label="Likeliest emotion in twelve equal parts: ${text}">
      ${trend.map(
        ({ shares }) =>
          html`<div>
            ${Object.entries(shares).map(
              ([label, share]) =>
                html`<i
                  title="${label} ${percent(share)}"
                  ${styled({ height: `${100 * share}%`, background: colour(label, labels) })}
                ></i>`,
            )}
          </div>`,
      )}
    </div>
    <p class="axis soft" aria-hidden="true"><span>0:00</span><span>${clock(duration_s)}</span></p>
    <p class="soft">Shares of the speaking time in twelve equal parts.</p>`;
}
