/** Why: the answer again with a moment or a band of the sound taken out (occlusion). */

/** What the likeliest emotion loses where a part is taken out, from left to right. */
export interface Explanation {
  label: string;
  times: { start_s: number; end_s: number; drop: number }[];
  bands: { low_hz: number; high_hz: number; drop: number }[];
}

export const BAND_EDGES_HZ = [0, 250, 500, 1000, 2000, 3000, 4000, 8000];
const N_TIMES = 16;
const FADE_S = 0.01;

/** Signals (N,) without a moment each, and without a band each. */
export function occluded(signal: Float32Array, rate: number): Float32Array[] {
  const times = timeEdges(signal.length).map(([start, end]) => muted(signal, start, end, rate));
  return [...times, ...bands().map(([low, high]) => withoutBand(signal, rate, low, high))];
}

/** The explanation, from the probability of ``label`` whole and in each occluded signal. */
export function explanation(label: string, whole: number, without: number[], durationS: number): Explanation {
  const n = N_TIMES;
  return {
    label,
    times: without.slice(0, n).map((p, i) => ({
      start_s: (i * durationS) / n,
      end_s: ((i + 1) * durationS) / n,
      drop: whole - p,
    })),
    bands: bands().map(([low_hz, high_hz], i) => ({ low_hz, high_hz, drop: whole - without[n + i] })),
  };
}

const bands = (): [number, number][] => BAND_EDGES_HZ.slice(1).map((high, i) => [BAND_EDGES_HZ[i], high]);

function timeEdges(nSamples: number): [number, number][] {
  const at = (i: number): number => Math.round((i * nSamples) / N_TIMES);
  return Array.from({ length: N_TIMES }, (_, i) => [at(i), at(i + 1)]);
}

/** Silence between two samples, faded so that no click is added. */
function muted(signal: Float32Array, start: number, end: number, rate: number): Float32Array {
  const out = signal.slice();
  const fade = Math.round(FADE_S * rate);
  for (let i = Math.max(0, start - fade); i < Math.min(out.length, end + fade); i++) {
    const outside = Math.max(start - i, i - end + 1, 0);
    out[i] *= Math.min(1, outside / fade);
  }
  return out;
}

/** Without a band: its bins are zero in a short-time Fourier transform of sine windows. */
function withoutBand(signal: Float32Array, rate: number, low: number, high: number): Float32Array {
  const size = 1024;
  const hop = size / 4;
  const out = new Float32Array(signal.length);
  const window = Float64Array.from({ length: size }, (_, i) => Math.sin((Math.PI * (i + 0.5)) / size));
  const [first, last] = [low, high].map((hz) => Math.round((hz * size) / rate));
  for (let start = -size + hop; start < signal.length; start += hop) {
    const re = Float64Array.from(window, (w, i) => w * (signal[start + i] ?? 0));
    const im = new Float64Array(size);
    fft(re, im);
    for (let k = first; k < Math.min(last, size / 2 + 1); k++) {
      re[k] = im[k] = 0;
      if (k) re[size - k] = im[size - k] = 0;
    }
    // The inverse by swapping real and imaginary part.
    fft(im, re);
    for (let i = 0; i < size; i++) {
      const at = start + i;
      if (at >= 0 && at < out.length) out[at] += (re[i] * window[i]) / size / 2;
    }
  }
  return out;
}

/** In place, radix 2. */
function fft(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size <<= 1) {
    const step = (-2 * Math.PI) / size;
    for (let start = 0; start < n; start += size) {
      for (let k = 0; k < size / 2; k++) {
        const [c, s] = [Math.cos(step * k), Math.sin(step * k)];
        const [a, b] = [start + k, start + k + size / 2];
        const [x, y] = [re[b] * c - im[b] * s, re[b] * s + im[b] * c];
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}
