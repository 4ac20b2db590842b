/** One palette for pages, reports and plots: made by src/serotone/html/palette.py. */

import palette from "./palette.json";

const emotions: Record<string, { colour: string; code: string }> = palette.emotions;

/** The colour of an emotion; ``labels`` are all that the model knows. */
export function colour(label: string, labels: string[]): string {
  if (emotions[label]) return emotions[label].colour;
  const place = Math.max(0, labels.indexOf(label));
  return palette.others[place % palette.others.length];
}

/** Two letters that stand for an emotion where colour alone would. */
export const code = (label: string): string => emotions[label]?.code ?? label.slice(0, 2);
