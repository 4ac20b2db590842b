/** Pieces that several tabs show. */

import { html, nothing, type TemplateResult } from "lit-html";
import { styled } from "../styled";
import { headline, howSure, intensityWord, percent, ranked, saysNoSpeech } from "../format";
import { code, colour } from "../palette";
import { NO_SPEECH, type Prediction } from "../types";

export const tinted = (label: string, labels: string[]): ReturnType<typeof styled> =>
  styled({ "--emotion": colour(label, labels) });

/** An emotion as a coloured mark with its letters and its name. */
export function key(label: string, labels: string[], further: unknown = nothing): TemplateResult {
  return html`<span class="key" ${tinted(label, labels)}
    ><i aria-hidden="true">${code(label)}</i>${label}${further}</span
  >`;
}

export function legend(names: string[], labels: string[]): TemplateResult {
  return html`<p class="legend">${names.map((name) => key(name, labels))}</p>`;
}

/** A bar for each label, 0 to 1, likeliest first. */
export function bars(shares: Record<string, number>, labels: string[]): TemplateResult {
  return html`<ul class="bars">
    ${ranked(shares).map(
      ([label, share], place) =>
        html`<li class=${place ? "" : "best"} ${tinted(label, labels)}>
          <span>${label}</span>
          <span class="track" aria-hidden="true"><i ${styled({ width: `${100 * share}%` })}></i></span>
          <span class="number">${percent(share)}</span>
        </li>`,
    )}
  </ul>`;
}

export const NOTHING_SAID = "No speech found";

/** The emotion in words, how sure, the bars and the intensity. */
export function verdict(prediction: Prediction, labels: string[], name = ""): TemplateResult {
  const title = name ? html`<p class="soft name">${name}</p>` : nothing;
  if (saysNoSpeech(prediction) || prediction.label === NO_SPEECH) {
    return html`${title}
      <h2 class="verdict">${NOTHING_SAID}</h2>
      <p>Silence, music or noise: there is no voice to judge.</p>`;
  }
  const known = prediction.label in prediction.probabilities;
  return html`<div ${known ? tinted(prediction.label, labels) : nothing}>
    ${title}
    <h2 class="verdict ${known ? "known" : ""}">${headline(prediction.label)}</h2>
    <p>${howSure(prediction)}</p>
    ${bars(prediction.probabilities, labels)}
    ${prediction.intensity === null
      ? nothing
      : html`<p class="intensity">
          <span>Intensity</span>
          <span class="track" aria-hidden="true"
            ><i ${styled({ width: `${100 * prediction.intensity}%` })}></i
          ></span>
          <span class="number">${intensityWord(prediction.intensity)}</span>
        </p>`}
  </div>`;
}

export function alert(text: string): TemplateResult {
  return html`<p class="alert" role="alert">${text}</p>`;
}

/** A place to drop files, with a button that opens the picker. */
export function dropZone(
  words: { label: string; hint: string; id: string; multiple: boolean },
  take: (files: File[]) => void,
  further: unknown = nothing,
): TemplateResult {
  const over = (event: DragEvent, on: boolean): void => {
    event.preventDefault();
    (event.currentTarget as HTMLElement).classList.toggle("over", on);
  };
  return html`<div
    class="drop"
    @dragover=${(event: DragEvent) => over(event, true)}
    @dragleave=${(event: DragEvent) => over(event, false)}
    @drop=${(event: DragEvent) => {
      over(event, false);
      take([...(event.dataTransfer?.files ?? [])]);
    }}
  >
    <div class="actions">
      ${further}
      <label class="button" for=${words.id}>${words.label}</label>
      <input
        id=${words.id}
        type="file"
        class="unseen"
        ?multiple=${words.multiple}
        @change=${({ target }: Event) => {
          const input = target as HTMLInputElement;
          const files = [...(input.files ?? [])];
          input.value = "";
          if (files.length) take(files);
        }}
      />
    </div>
    <p class="soft">${words.hint}</p>
  </div>`;
}

/** How far some work is. */
export function busy(what: string, share: number | null): TemplateResult {
  return html`<div class="busy" role="status">
    <span>${what}…${share === null ? "" : ` ${percent(share)}`}</span>
    <progress aria-label=${what} .value=${share ?? 0} max="1" class=${share === null ? "endless" : ""}></progress>
  </div>`;
}

/** Save text as a file. */
export function save(text: string, name: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
