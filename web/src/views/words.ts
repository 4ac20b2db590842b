/** What was said, the words that tell in their emotion's colour, and what they add. */

import { html, nothing, type TemplateResult } from "lit-html";
import { percent } from "../format";
import type { Prediction, Senses } from "../types";
import { tinted } from "./shared";

/** Words that add at least so many nats to their label are marked. */
const MARKED_FROM = 0.5;

export function words({ senses }: Prediction, labels: string[]): TemplateResult {
  if (!senses) return html``;
  const { transcript } = senses;
  const said = transcript.text.trim();
  return html`<section class="card" aria-label="Words">
    <h3>Words</h3>
    ${said ? html`<blockquote>“${marked(senses, labels)}”</blockquote>` : html`<p>No words were understood.</p>`}
    ${said && !senses.words ? html`<p class="soft">The text model does not know this language.</p>` : nothing}
    ${senses.words
      ? html`<p>
            The words alone read as ${senses.words.label} (${percent(senses.words.confidence)}). Voice and words
            together: <strong>${senses.both.label}</strong> (${percent(senses.both.confidence)}).
          </p>
          <p class="soft">English only, by a small recogniser: expect wrong words.</p>`
      : nothing}
  </section>`;
}

function marked({ transcript, contributions, words }: Senses, labels: string[]): unknown[] {
  const parts: unknown[] = [];
  let at = 0;
  for (const { text, weight } of contributions) {
    const found = transcript.text.indexOf(text, at);
    if (found < 0 || weight < MARKED_FROM || !words) continue;
    parts.push(transcript.text.slice(at, found));
    parts.push(html`<mark ${tinted(words.label, labels)} title=${words.label}>${text}</mark>`);
    at = found + text.length;
  }
  return [...parts, transcript.text.slice(at)];
}
