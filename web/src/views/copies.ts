/** The answer as JSON, CSV, and as a line for a terminal. */

import { html, type TemplateResult } from "lit-html";
import type { App } from "../app";
import { answersCsv } from "../csv";
import type { Prediction } from "../types";

let copied = "";

export function copies(app: App, file: File, prediction: Prediction, labels: string[]): TemplateResult {
  const name = /^[\w.-]+$/.test(file.name) ? file.name : `'${file.name.replaceAll("'", "'\\''")}'`;
  const line =
    app.config.engine === "service"
      ? `curl -F file=@${name} ${new URL("v1/predict", document.baseURI).href}`
      : `serotone predict ${name}`;
  const copy = async (what: string, text: string): Promise<void> => {
    await navigator.clipboard.writeText(text);
    copied = what;
    app.changed();
    setTimeout(() => {
      copied = "";
      app.changed();
    }, 2000);
  };
  const button = (what: string, text: string): TemplateResult =>
    html`<button type="button" class="button small" @click=${() => void copy(what, text)}>
      ${copied === what ? "Copied" : `Copy ${what}`}
    </button>`;
  return html`<section class="card quiet" aria-label="Take the answer along">
    <div class="row">
      ${button("JSON", JSON.stringify(prediction, null, 2))} ${button("CSV", answersCsv([prediction], labels))}
      ${button(app.config.engine === "service" ? "curl" : "command", line)}
    </div>
    <pre tabindex="0" role="region" aria-label="Command line"><code>${line}</code></pre>
  </section>`;
}
