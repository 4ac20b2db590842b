/** Tables for spreadsheets. */

import { isFailure, type Answer, type Segment } from "./types";

type Cell = string | number | null | undefined;

const FORMULA = /^[=+\-@\t\r]/;

/** A row of CSV; what a spreadsheet would take for a formula has an apostrophe before it. */
function row(cells: Cell[]): string {
  return cells
    .map((cell) => {
      if (cell === null || cell === undefined) return "";
      if (typeof cell === "number") return String(Number(cell.toFixed(6)));
      const text = FORMULA.test(cell) ? `'${cell}` : cell;
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(",");
}

export function csv(head: string[], rows: Cell[][]): string {
  return `${[head, ...rows].map(row).join("\n")}\n`;
}

/** A row an answer; the probability of ``happy`` is in column ``p_happy``. */
export function answersCsv(answers: Answer[], labels: string[]): string {
  const head = ["path", "start_s", "end_s", "label", "confidence", "intensity", "error"];
  const rows = answers.map((answer): Cell[] =>
    isFailure(answer)
      ? [answer.path, null, null, null, null, null, answer.error]
      : [
          answer.path,
          answer.start_s,
          answer.end_s,
          answer.label,
          answer.confidence,
          answer.intensity,
          null,
          ...labels.map((label) => answer.probabilities[label]),
        ],
  );
  return csv([...head, ...labels.map((label) => `p_${label}`)], rows);
}

export function segmentsCsv(segments: Segment[], labels: string[]): string {
  const head = ["start_s", "end_s", "speaker", "channel", "label", "confidence", "intensity", "text"];
  const rows = segments
    .filter((segment) => segment.speech)
    .map((s): Cell[] => [
      s.start_s,
      s.end_s,
      s.speaker,
      s.channel,
      s.label,
      s.confidence,
      s.intensity,
      s.text,
      ...labels.map((label) => s.probabilities?.[label]),
    ]);
  return csv([...head, ...labels.map((label) => `p_${label}`)], rows);
}
