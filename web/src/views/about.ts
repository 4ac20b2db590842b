/** How often the model is right, on whom that was measured, and what it is not for. */

import { html, nothing, type TemplateResult } from "lit-html";
import type { App, View } from "../app";
import { percent } from "../format";
import type { Figure, Model } from "../types";
import { bars } from "./shared";

export class AboutView implements View {
  readonly id = "about";
  readonly title = "How sure";

  constructor(private readonly app: App) {}

  template(): TemplateResult {
    const { model, version } = this.app.config;
    return html`
      <section class="card">
        <h2>How often it is right</h2>
        ${model.figures.length ? figures(model) : html`<p>This model has not been measured yet.</p>`}
      </section>
      ${model.together ? calibration(model, model.together) : nothing}
      <section class="card">
        <h2>What it was trained on</h2>
        ${corpora(model)}
        <p class="soft">
          Model ${model.name}: ${model.n_parameters.toLocaleString("en")} parameters,
          ${(model.size_bytes / 1e6).toFixed(1)} MB${model.date ? `, trained ${model.date}` : ""}. serotone ${version}.
        </p>
      </section>
      <section class="card">
        <h2>Limits</h2>
        <ul class="prose">
          ${model.limits.map((line) => html`<li>${line}</li>`)}
        </ul>
        <h2>Not for</h2>
        <ul class="prose">
          ${model.not_for.map((line) => html`<li>${line}</li>`)}
        </ul>
      </section>
    `;
  }
}

function figures(model: Model): TemplateResult {
  const found = model.figures.find(({ per_class }) => per_class);
  const recalls = Object.entries(found?.per_class ?? {}).map(([label, { recall }]): [string, number] => [label, recall]);
  return html`<div class="wide" tabindex="0" role="region" aria-label="Figures by corpus">
      <table>
        <thead>
          <tr>
            <th scope="col">Tested on</th>
            <th scope="col" class="number">each emotion found</th>
            <th scope="col" class="number">by chance</th>
            <th scope="col" class="number">clips</th>
            <th scope="col" class="number">speakers</th>
          </tr>
        </thead>
        <tbody>
          ${model.figures.map(figure)}
        </tbody>
      </table>
    </div>
    <p class="soft">
      Mean over the emotions of the share that was found (UAR), with its 95 % interval over speakers. None of these
      speakers was trained on, except where it says so.
    </p>
    ${found
      ? html`<details>
          <summary>How often it finds each emotion, on ${found.corpus.toUpperCase()}</summary>
          ${bars(Object.fromEntries(recalls), model.labels)}
        </details>`
      : nothing}`;
}

function figure({ corpus, protocol, n, uar, uar_ci, labels, n_speakers }: Figure): TemplateResult {
  const known = ["honest", "speaker-independent"].includes(protocol);
  return html`<tr>
    <td>${corpus.toUpperCase()}${known ? "" : " (speakers it was trained on)"}</td>
    <td class="number">
      <strong>${percent(uar)}</strong>${uar_ci ? html` <span class="soft">${percent(uar_ci[0])} to ${percent(uar_ci[1])}</span>` : nothing}
    </td>
    <td class="number">${labels?.length ? percent(1 / labels.length) : ""}</td>
    <td class="number">${n.toLocaleString("en")}</td>
    <td class="number">${n_speakers || ""}</td>
  </tr>`;
}

function calibration(model: Model, { n, n_speakers, ece }: NonNullable<Model["together"]>): TemplateResult {
  return html`<section class="card">
    <h2>What a percentage means</h2>
    <p>
      Of all answers that say 80 %, about 80 in 100 should be right. The percentages were fitted to that on
      ${model.n_dev_speakers} speakers of their own. On ${n.toLocaleString("en")} clips of ${n_speakers} further speakers
      they were off by <strong>${Math.round(100 * ece)} points</strong> on average (expected calibration error).
    </p>
  </section>`;
}

function corpora(model: Model): TemplateResult {
  return html`${model.corpora.length
      ? html`<div class="wide" tabindex="0" role="region" aria-label="Corpora">
          <table>
            <thead>
              <tr>
                <th scope="col">Recordings</th>
                <th scope="col">Licence</th>
                <th scope="col" class="number">Clips</th>
              </tr>
            </thead>
            <tbody>
              ${model.corpora.map(
                ({ title, licence, n_clips }) =>
                  html`<tr>
                    <td>${title}</td>
                    <td>${licence}</td>
                    <td class="number">${n_clips.toLocaleString("en")}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>`
      : nothing}
    <p>${model.n_train_speakers} speakers. ${model.licence}</p>`;
}
