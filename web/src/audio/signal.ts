/** A signal on its way to the model: the same steps as serotone's Python takes. */

export const LONGEST_S = 12;
const WINDOW_S = 4;
const HOP_S = 2;
const SILENCE_PEAK = 1e-4;

// A Kaiser-windowed sinc that passes 0.913 of the lower Nyquist frequency and lets nothing above
// it through, as soxr's high quality does.
const N_ZEROS = 90;
const ROLL_OFF = 0.9565;
const BETA = 12.27;

function besselI0(x: number): number {
  let sum = 1;
  for (let term = 1, k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b ? greatestCommonDivisor(b, a % b) : a;

/** Filters of a conversion by ``phases / stride``, each made when first needed. */
class PolyphaseFilters {
  readonly half: number;
  private readonly cut: number;
  private readonly made: Float64Array[] = [];

  constructor(stride: number, private readonly phases: number) {
    this.cut = (ROLL_OFF * Math.min(stride, phases)) / stride;
    this.half = Math.ceil(N_ZEROS / this.cut);
  }

  at(phase: number): Float64Array {
    if (this.made[phase]) return this.made[phase];
    const taps = new Float64Array(2 * this.half);
    for (let k = 0; k < taps.length; k++) {
      const x = (k - this.half + 1 - phase / this.phases) * this.cut;
      const inside = x / N_ZEROS;
      if (Math.abs(inside) >= 1) continue;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      const window = besselI0(BETA * Math.sqrt(1 - inside * inside)) / besselI0(BETA);
      taps[k] = this.cut * sinc * window;
    }
    return (this.made[phase] = taps);
  }
}

const clipped = (value: number): number => Math.min(1, Math.max(-1, value));

/** Converts a signal (N,) that arrives in blocks; what comes out does not depend on the blocks. */
export class Resampler {
  private readonly stride: number;
  private readonly phases: number;
  private readonly filters: PolyphaseFilters;
  private kept = new Float32Array(0);
  private keptFrom = 0;
  private nSeen = 0;
  private nMade = 0;

  constructor(oldHz: number, newHz: number) {
    const common = greatestCommonDivisor(oldHz, newHz);
    this.stride = oldHz / common;
    this.phases = newHz / common;
    this.filters = new PolyphaseFilters(this.stride, this.phases);
  }

  push(signal: Float32Array, last = false): Float32Array {
    this.nSeen += signal.length;
    if (this.stride === this.phases) return signal.map(clipped);
    const joined = new Float32Array(this.kept.length + signal.length);
    joined.set(this.kept);
    joined.set(signal, this.kept.length);
    this.kept = joined;
    const out = new Float32Array(Math.max(0, this.nReady(last) - this.nMade));
    for (let i = 0; i < out.length; i++) out[i] = clipped(this.sample(this.nMade + i));
    this.nMade += out.length;
    this.forget();
    return out;
  }

  /** How many samples can be made of what has come. */
  private nReady(last: boolean): number {
    if (last) return Math.round((this.nSeen * this.phases) / this.stride);
    const certain = this.nSeen - this.filters.half;
    return Math.max(0, Math.floor((certain * this.phases) / this.stride));
  }

  private sample(n: number): number {
    const place = n * this.stride;
    const taps = this.filters.at(place % this.phases);
    const start = Math.floor(place / this.phases) - this.filters.half + 1 - this.keptFrom;
    const end = Math.min(taps.length, this.kept.length - start);
    let sum = 0;
    for (let k = Math.max(0, -start); k < end; k++) sum += taps[k] * this.kept[start + k];
    return sum;
  }

  private forget(): void {
    const first = Math.floor((this.nMade * this.stride) / this.phases) - this.filters.half;
    const nOver = Math.min(this.kept.length, Math.max(0, first - this.keptFrom));
    this.kept = this.kept.slice(nOver);
    this.keptFrom += nOver;
  }
}

/** A whole signal (N,) at another rate, clipped to [-1, 1]. */
export function resample(signal: Float32Array, oldHz: number, newHz: number): Float32Array {
  return new Resampler(oldHz, newHz).push(signal, true);
}

/** Whether a signal nowhere departs from its mean. */
export function isSilent(signal: Float32Array): boolean {
  const mean = signal.reduce((sum, value) => sum + value, 0) / signal.length;
  return signal.every((value) => Math.abs(value - mean) <= SILENCE_PEAK);
}

/** The whole signal, or overlapping windows of a long one. */
export function pieces(signal: Float32Array, rate: number): Float32Array[] {
  if (signal.length <= LONGEST_S * rate) return [signal];
  const [size, hop] = [WINDOW_S * rate, HOP_S * rate];
  const last = signal.length - size;
  const found: Float32Array[] = [];
  for (let first = 0; first < last; first += hop) {
    found.push(signal.subarray(first, first + size));
  }
  found.push(signal.subarray(last));
  return found;
}

/** Without the quiet at both ends, further than ``topDb`` below the loudest frame. */
export function trim(signal: Float32Array, rate: number, topDb: number): Float32Array {
  if (!topDb) return signal;
  const size = Math.max(4, Math.round(0.032 * rate));
  const hop = Math.floor(size / 4);
  const half = Math.floor(size / 2);
  const sums = new Float64Array(signal.length + 1);
  for (let i = 0; i < signal.length; i++) sums[i + 1] = sums[i] + signal[i] * signal[i];
  const upTo = (i: number): number => sums[Math.min(signal.length, Math.max(0, i))];
  const powers: number[] = [];
  for (let start = 0; start + size <= signal.length + 2 * half; start += hop) {
    powers.push(Math.max((upTo(start - half + size) - upTo(start - half)) / size, 1e-10));
  }
  const loudest = powers.reduce((a, b) => Math.max(a, b));
  const isLoud = (power: number): boolean => 10 * Math.log10(power / loudest) > -topDb;
  const last = powers.length - 1 - [...powers].reverse().findIndex(isLoud);
  return signal.subarray(powers.findIndex(isLoud) * hop, (last + 1) * hop);
}

/** Silence of ``seconds`` before and after. */
export function withMargin(signal: Float32Array, rate: number, seconds: number): Float32Array {
  const n = Math.round(seconds * rate);
  const out = new Float32Array(signal.length + 2 * n);
  out.set(signal, n);
  return out;
}

/** The largest sample in ``n`` equal parts, 0 to 1. */
export function peaks(signal: Float32Array, n: number): number[] {
  const width = signal.length / n;
  return Array.from({ length: n }, (_, part) => {
    let peak = 0;
    const end = Math.floor((part + 1) * width);
    for (let i = Math.floor(part * width); i < end; i++) peak = Math.max(peak, Math.abs(signal[i]));
    return peak;
  });
}
