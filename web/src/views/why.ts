/** Why: what in the sound carried the answer, and how often such answers are right. */

import { html, nothing, type TemplateResult } from "lit-html";
import { styled } from "../styled";
import type { App } from "../app";
import type { Sound } from "../audio/decode";
import type { Explanation } from "../explain";
import { percent, ranked } from "../format";
import type { Model, Prediction } from "../types";
import { busy } from "./shared";

/** Longer clips are averaged over windows, and taking a part out says little. */
const LONGEST_WHY_S = 12;

interface Explained {
  sound: Sound | null;
  prediction: Prediction | null;
  explanation: Explanation | null;
  explaining: boolean;
}

export function why(app: App, clip: Explained, explain: () => void): TemplateResult {
  const { prediction, sound, explanation } = clip;
  if (!prediction) return html``;
  const short = sound && sound.signal.length / sound.rate <= LONGEST_WHY_S;
  const opened = ({ target }: Event): void => {
    if ((target as HTMLDetailsElement).open && short && !explanation && !clip.explaining) explain();
  };
  return html`<details class="why" @toggle=${opened}>
    <summary>Why this answer?</summary>
    ${clip.explaining ? busy("Taking parts of the sound out, one after another", null) : nothing}
    ${explanation ? carried(explanation) : nothing}
    ${short ? nothing : html`<p class="soft">Parts are taken out of clips up to ${LONGEST_WHY_S} s only.</p>`}
    ${track(app.config.model, prediction)}
  </details>`;
}

function carried({ label, times, bands }: Explanation): TemplateResult {
  const top = times.reduce((a, b) => (b.drop > a.drop ? b : a));
  const most = Math.max(...bands.map(({ drop }) => drop), 1e-6);
  const moment =
    top.drop < 0.02
      ? `No single moment decides: without any of them it still sounds ${label}.`
      : `Most weight lies from ${top.start_s.toFixed(1)} to ${top.end_s.toFixed(1)} s: without it, ` +
        `${label} falls by ${Math.round(100 * top.drop)} points. The line under the waveform is ` +
        "stronger where more would be lost.";
  return html`<p>${moment}</p>
    <h3>Bands</h3>
    <ul class="bars plain">
      ${bands.map(
        ({ low_hz, high_hz, drop }) =>
          html`<li>
            <span>${hertz(low_hz)}–${hertz(high_hz)} Hz</span>
            <span class="track" aria-hidden="true"><i ${styled({ width: `${(100 * Math.max(0, drop)) / most}%` })}></i></span>
            <span class="number">${drop >= 0.005 ? `−${Math.round(100 * drop)}` : "0"}</span>
          </li>`,
      )}
    </ul>
    <p class="soft">Points of probability that ${label} loses without the band.</p>`;
}

const hertz = (hz: number): string => hz.toLocaleString("en");

/** How often the model was right when it said so, and on whom that was measured. */
function track(model: Model, prediction: Prediction): TemplateResult {
  const [label, share] = ranked(prediction.probabilities)[0];
  const { nSaid, nRight } = said(model, label);
  const off = model.together;
  return html`<h3>How often is it right?</h3>
    ${nSaid
      ? html`<p>
          Of ${Math.round(nSaid)} test clips that it called ${label}, ${percent(nRight / nSaid)} were. They are of
          speakers it was not trained on${corpora(model)}.
        </p>`
      : html`<p>This model has not been measured on ${label} yet.</p>`}
    ${off
      ? html`<p>
          Of 100 answers that say ${percent(share)}, about ${Math.round(100 * share)} should be right: over
          ${off.n.toLocaleString("en")} clips of ${off.n_speakers} such speakers its percentages were off by
          ${Math.round(100 * off.ece)} points on average.
        </p>`
      : nothing}`;
}

function said(model: Model, label: string): { nSaid: number; nRight: number } {
  let [nSaid, nRight] = [0, 0];
  for (const { per_class } of model.figures) {
    const found = per_class?.[label];
    if (!found || !found.precision) continue;
    nRight += found.n * found.recall;
    nSaid += (found.n * found.recall) / found.precision;
  }
  return { nSaid, nRight };
}

function corpora(model: Model): string {
  const names = [...new Set(model.figures.map(({ corpus }) => corpus.toUpperCase()))];
  return names.length ? ` (${names.join(", ")})` : "";
}

