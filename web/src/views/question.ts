/** "Was this right?" */

import { html, nothing, type TemplateResult } from "lit-html";
import type { App } from "../app";
import { feedbackCsv, forget, keep, verdicts } from "../feedback";
import type { Prediction } from "../types";
import { save } from "./shared";

let asking = "";

export function question(app: App, path: string, prediction: Prediction): TemplateResult {
  const kept = verdicts();
  const mine = kept.find((verdict) => verdict.path === path);
  const answer = (label: string): void => {
    asking = "";
    const { label: predicted, confidence } = prediction;
    keep({ path, label, predicted, confidence, at: new Date().toISOString() });
    app.changed();
  };
  const ask = (): void => {
    asking = path;
    app.changed();
  };
  return html`<section class="card quiet" aria-label="Was this right?">
    <div class="row">
      <strong>Was this right?</strong>
      ${mine
        ? html`<span class="soft">Noted: ${mine.label}.</span>`
        : html`<button type="button" class="button small" @click=${() => answer(prediction.label)}>Yes</button>`}
      <button type="button" class="button small" @click=${ask}>${mine ? "Change" : "No"}</button>
      ${asking === path
        ? html`<label class="row"
            >It was
            <select @change=${({ target }: Event) => answer((target as HTMLSelectElement).value)}>
              <option value="" disabled selected>choose…</option>
              ${app.config.model.labels.map((label) => html`<option value=${label}>${label}</option>`)}
            </select></label
          >`
        : nothing}
    </div>
    ${kept.length
      ? html`<div class="row soft">
          <span>${kept.length} kept in this browser.</span>
          <button type="button" class="link" @click=${() => save(feedbackCsv(), "serotone-labels.csv", "text/csv")}>
            Save as labelled CSV
          </button>
          <button
            type="button"
            class="link"
            @click=${() => {
              forget();
              app.changed();
            }}
          >
            Forget them
          </button>
        </div>`
      : nothing}
  </section>`;
}
