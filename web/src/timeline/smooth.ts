/** Which emotion lasts: a hidden Markov chain in continuous time, as serotone's Python smooths. */

const DWELL_S = 2;
const TRUST = 0.5;
const LEAST = 1e-6;

/** The posterior of each window given all of them: forwards, then backwards (Rabiner 1989). */
export function posteriors(rows: number[][], timesS: number[]): number[][] {
  const evidence = rows.map((row) => row.map((p) => Math.max(p, LEAST) ** TRUST));
  const stays = timesS.map((time, i) => (i ? Math.exp(-(time - timesS[i - 1]) / DWELL_S) : 0));
  const before: number[][] = [];
  evidence.forEach((row, i) => {
    const from = i ? moved(before[i - 1], stays[i]) : row.map(() => 1 / row.length);
    before.push(normal(row.map((p, k) => p * from[k])));
  });
  const found = [...before];
  let after = rows[0]?.map(() => 1) ?? [];
  for (let i = rows.length - 2; i >= 0; i--) {
    const next = after;
    after = moved(normal(evidence[i + 1].map((p, k) => p * next[k])), stays[i + 1]);
    const weights = after;
    found[i] = normal(before[i].map((p, k) => p * weights[k]));
  }
  return found;
}

/** A distribution a while later: it stays, or takes any state. */
function moved(row: number[], stay: number): number[] {
  return row.map((p) => stay * p + (1 - stay) / row.length);
}

function normal(row: number[]): number[] {
  const total = row.reduce((sum, p) => sum + p, 0);
  return row.map((p) => p / total);
}

/** What to believe live: the new probabilities, and what still holds of the old ones. */
export function blend(believed: number[], row: number[], gapS: number, dwellS: number): number[] {
  const kept = dwellS ? Math.exp(-gapS / dwellS) : 0;
  return row.map((p, i) => kept * believed[i] + (1 - kept) * p);
}
