/** The page: tabs around one engine. */

import "./style.css";
import { html, nothing, render, type TemplateResult } from "lit-html";
import type { App, View } from "./app";
import { openEngine } from "./engines/engine";
import type { PageConfig } from "./types";
import { AboutView } from "./views/about";
import { BatchView } from "./views/batch";
import { ClipView } from "./views/clip";
import { LiveView } from "./views/live";
import { RecordingView } from "./views/recording";
import { alert, busy } from "./views/shared";

const root = document.getElementById("app") as HTMLElement;

class Page {
  private readonly views: View[];
  private shown: View;
  private drawing = 0;

  constructor(app: App) {
    app.changed = () => this.changed();
    const kinds = [ClipView, RecordingView, LiveView, BatchView, AboutView];
    this.views = kinds.map((Kind) => new Kind(app));
    this.shown = this.views[0];
    addEventListener("hashchange", () => this.follow());
    this.follow();
  }

  private changed(): void {
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      render(this.template(), root);
    });
  }

  private follow(): void {
    const wanted = this.views.find(({ id }) => `#${id}` === location.hash) ?? this.views[0];
    if (wanted !== this.shown) this.shown.hidden?.();
    this.shown = wanted;
    this.changed();
  }

  private template(): TemplateResult {
    return html`
      ${header(this.tabs())}
      <main>
        <div id="panel" role="tabpanel" aria-labelledby="tab-${this.shown.id}">${this.shown.template()}</div>
      </main>
      ${footer}
    `;
  }

  private tabs(): TemplateResult {
    return html`<div class="tabs" role="tablist" aria-label="What to analyse" @keydown=${(event: KeyboardEvent) => this.move(event)}>
      ${this.views.map((view) => {
        const on = view === this.shown;
        return html`<button
          type="button"
          role="tab"
          id="tab-${view.id}"
          aria-selected=${on}
          aria-controls="panel"
          tabindex=${on ? 0 : -1}
          @click=${() => (location.hash = view.id)}
        >
          ${view.title}
        </button>`;
      })}
    </div>`;
  }

  private move(event: KeyboardEvent): void {
    const n = this.views.length;
    const at = this.views.indexOf(this.shown);
    const places: Record<string, number> = { ArrowLeft: at + n - 1, ArrowRight: at + 1, Home: 0, End: n - 1 };
    if (!(event.key in places)) return;
    event.preventDefault();
    const { id } = this.views[places[event.key] % n];
    location.hash = id;
    document.getElementById(`tab-${id}`)?.focus();
  }
}

function header(inside: unknown): TemplateResult {
  return html`<header>
    <div class="brand">
      <img src="./icon.svg" alt="" width="28" height="28" />
      <h1>serotone</h1>
      <p class="soft">the emotion in a voice</p>
    </div>
    ${inside}
  </header>`;
}

const footer = html`<footer class="soft">
  A model's guess at how something was said, not at what a person feels.
</footer>`;

function opening(what: unknown): void {
  render(html`${header(nothing)}<main>${what}</main>${footer}`, root);
}

async function open(): Promise<void> {
  root.replaceChildren();
  opening(busy("Opening", null));
  try {
    const answer = await fetch(new URL("page.json", document.baseURI));
    if (!answer.ok) throw new Error(`page.json: the server answered ${answer.status}`);
    const config = (await answer.json()) as PageConfig;
    if (config.engine === "browser") opening(busy("Loading the model into this page", null));
    new Page({ config, engine: await openEngine(config), changed: () => {} });
  } catch (error) {
    opening(alert(`The page cannot open: ${(error as Error).message}.`));
  }
}

void open();
