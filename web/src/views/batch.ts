/** Many recordings: a table to sort and filter, and the same as CSV. */

import { html, nothing, type TemplateResult } from "lit-html";
import type { App, View } from "../app";
import { answersCsv } from "../csv";
import { intensityWord, percent } from "../format";
import { isFailure, type Answer } from "../types";
import { alert, busy, dropZone, key, save } from "./shared";

const MOST = 200;

type Column = "path" | "label" | "confidence" | "intensity" | "length";

const COLUMNS: { id: Column; title: string; number: boolean }[] = [
  { id: "path", title: "File", number: false },
  { id: "label", title: "Emotion", number: false },
  { id: "confidence", title: "Confidence", number: true },
  { id: "intensity", title: "Intensity", number: false },
  { id: "length", title: "Length", number: true },
];

export class BatchView implements View {
  readonly id = "batch";
  readonly title = "Batch";
  private answers: Answer[] = [];
  private nFiles = 0;
  private working = false;
  private error = "";
  private column: Column | null = null;
  private descending = false;
  private wanted = "";

  constructor(private readonly app: App) {}

  template(): TemplateResult {
    const known = this.answers.filter(Boolean);
    return html`
      <section class="card ${known.length ? "compact" : ""}" aria-label="Recordings">
        ${dropZone(
          {
            id: "batch-files",
            label: "Choose files",
            hint: `Drop up to ${MOST} recordings: each becomes a row, and the table a CSV file.`,
            multiple: true,
          },
          (files) => void this.take(files),
        )}
      </section>
      ${this.error ? alert(this.error) : nothing}
      ${this.working ? busy(`${known.length} of ${this.nFiles} recordings`, known.length / this.nFiles) : nothing}
      ${known.length ? this.table(known) : nothing}
    `;
  }

  private table(known: Answer[]): TemplateResult {
    const rows = this.sorted(known.filter((answer) => this.matches(answer)));
    const nFailed = known.filter(isFailure).length;
    const names = [...new Set(known.flatMap((answer) => (isFailure(answer) ? [] : [answer.label])))].sort();
    return html`<section class="card" aria-label="Answers">
      <div class="row spread">
        <h2>${known.length} recordings${nFailed ? `, ${nFailed} failed` : ""}</h2>
        <label class="row"
          ><span class="soft">Show</span>
          <select
            id="batch-filter"
            @change=${({ target }: Event) => {
              this.wanted = (target as HTMLSelectElement).value;
              this.app.changed();
            }}
          >
            <option value="">all</option>
            ${names.map((name) => html`<option value=${name}>${name}</option>`)}
            ${nFailed ? html`<option value="failed">failed</option>` : nothing}
          </select></label
        >
        <button type="button" class="button small" ?disabled=${this.working} @click=${() => this.save(known)}>
          Save CSV
        </button>
      </div>
      <div class="wide" tabindex="0" role="region" aria-label="Table of answers">
        <table class="batch">
          <thead>
            <tr>
              ${COLUMNS.map((column) => this.heading(column))}
            </tr>
          </thead>
          <tbody>
            ${rows.map((answer) => this.row(answer))}
          </tbody>
        </table>
      </div>
    </section>`;
  }

  private heading({ id, title, number }: (typeof COLUMNS)[number]): TemplateResult {
    const on = this.column === id;
    const sort = (): void => {
      this.descending = on ? !this.descending : number;
      this.column = id;
      this.app.changed();
    };
    const order = on ? (this.descending ? "descending" : "ascending") : "none";
    return html`<th scope="col" class=${number ? "number" : ""} aria-sort=${order}>
      <button type="button" class="sort" @click=${sort}>${title}<span aria-hidden="true">${on ? (this.descending ? " ↓" : " ↑") : ""}</span></button>
    </th>`;
  }

  private row(answer: Answer): TemplateResult {
    if (isFailure(answer)) {
      const why = answer.error.replace(`${answer.path}: `, "");
      return html`<tr class="failed">
        <td class="file">${answer.path}</td>
        <td colspan="4">${why}</td>
      </tr>`;
    }
    return html`<tr>
      <td class="file">${answer.path}</td>
      <td>${key(answer.label, this.app.config.model.labels)}</td>
      <td class="number">${percent(answer.confidence)}</td>
      <td>${intensityWord(answer.intensity)}</td>
      <td class="number">${(answer.end_s - answer.start_s).toFixed(1)} s</td>
    </tr>`;
  }

  private matches(answer: Answer): boolean {
    if (!this.wanted) return true;
    return isFailure(answer) ? this.wanted === "failed" : answer.label === this.wanted;
  }

  private sorted(rows: Answer[]): Answer[] {
    const { column } = this;
    if (!column) return rows;
    const value = (answer: Answer): string | number => {
      if (column === "path") return answer.path;
      if (isFailure(answer)) return column === "label" ? "￿" : -1;
      if (column === "label") return answer.label;
      if (column === "confidence") return answer.confidence;
      return column === "intensity" ? (answer.intensity ?? -1) : answer.end_s - answer.start_s;
    };
    const compare = (a: Answer, b: Answer): number => {
      const [x, y] = [value(a), value(b)];
      return typeof x === "string" ? x.localeCompare(String(y)) : x - Number(y);
    };
    const ordered = [...rows].sort(compare);
    return this.descending ? ordered.reverse() : ordered;
  }

  private save(known: Answer[]): void {
    save(answersCsv(known, this.app.config.model.labels), "serotone.csv", "text/csv");
  }

  private async take(files: File[]): Promise<void> {
    [this.answers, this.error, this.column, this.wanted] = [[], "", null, ""];
    if (files.length > MOST) {
      this.error = `These are ${files.length} files; this page takes up to ${MOST}. Use 'serotone predict' for more.`;
      return this.app.changed();
    }
    [this.working, this.nFiles] = [true, files.length];
    this.app.changed();
    try {
      await this.app.engine.predictMany(files, (place, answer) => {
        this.answers[place] = answer;
        this.app.changed();
      });
    } catch (error) {
      this.error = (error as Error).message;
    }
    this.working = false;
    this.app.changed();
  }
}
