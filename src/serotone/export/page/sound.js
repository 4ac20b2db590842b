// Bytes to the pieces that the model hears: the same steps as serotone's Python takes.

const LONGEST_S = 12;
const WINDOW_S = 4;
const HOP_S = 2;
const SILENCE_PEAK = 1e-4;

// A Kaiser-windowed sinc that passes 0.913 of the lower Nyquist frequency and lets nothing above
// it through, as soxr's high quality does.
const N_ZEROS = 90;
const ROLL_OFF = 0.9565;
const BETA = 12.27;

/** The sample rate in a WAV's header, or 0 where there is none. */
export function wavRate(buffer) {
  const view = new DataView(buffer);
  const name = (at) => (at + 4 <= view.byteLength ? String.fromCharCode(...new Uint8Array(buffer, at, 4)) : "");
  if (name(0) !== "RIFF" || name(8) !== "WAVE") return 0;
  for (let at = 12; at + 16 <= view.byteLength; ) {
    if (name(at) === "fmt ") return view.getUint32(at + 12, true);
    at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) % 2);
  }
  return 0;
}

/** Decoded at its own rate where the header tells it, else at 48 kHz; the mean of all channels. */
export async function decode(buffer) {
  const told = wavRate(buffer);
  const rate = told >= 3000 && told <= 384000 ? told : 48000;
  // The browser converts to the rate of the context, so it gets the file's own.
  const context = new OfflineAudioContext(1, 1, rate);
  const sound = await context.decodeAudioData(buffer);
  const mono = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const values = sound.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) mono[i] += values[i] / sound.numberOfChannels;
  }
  return { signal: mono, rate: sound.sampleRate };
}

function besselI0(x) {
  let sum = 1;
  for (let term = 1, k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** A signal at another rate, clipped to [-1, 1]. */
export function resample(signal, oldHz, newHz) {
  if (oldHz === newHz) return signal.map((value) => Math.min(1, Math.max(-1, value)));
  const gcd = (a, b) => (b ? gcd(b, a % b) : a);
  const common = gcd(oldHz, newHz);
  const [stride, phases] = [oldHz / common, newHz / common];
  const cut = (ROLL_OFF * Math.min(stride, phases)) / stride;
  const half = Math.ceil(N_ZEROS / cut);
  const filters = Array(phases);
  const filter = (phase, fraction) => {
    if (filters[phase]) return filters[phase];
    const taps = new Float64Array(2 * half);
    for (let k = 0; k < taps.length; k++) {
      const x = (k - half + 1 - fraction) * cut;
      const inside = x / N_ZEROS;
      if (Math.abs(inside) >= 1) continue;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      taps[k] = (cut * sinc * besselI0(BETA * Math.sqrt(1 - inside * inside))) / besselI0(BETA);
    }
    return (filters[phase] = taps);
  };
  const out = new Float32Array(Math.round((signal.length * phases) / stride));
  for (let n = 0; n < out.length; n++) {
    const place = n * stride;
    const first = Math.floor(place / phases);
    const phase = place % phases;
    const taps = filter(phase, phase / phases);
    const start = first - half + 1;
    let sum = 0;
    const end = Math.min(taps.length, signal.length - start);
    for (let k = Math.max(0, -start); k < end; k++) sum += taps[k] * signal[start + k];
    out[n] = Math.min(1, Math.max(-1, sum));
  }
  return out;
}

/** Whether a signal nowhere departs from its mean. */
export function isSilent(signal) {
  const mean = signal.reduce((sum, value) => sum + value, 0) / signal.length;
  return signal.every((value) => Math.abs(value - mean) <= SILENCE_PEAK);
}

/** The whole signal, or overlapping windows of a long one. */
export function pieces(signal, rate) {
  if (signal.length <= LONGEST_S * rate) return [signal];
  const [size, hop] = [WINDOW_S * rate, HOP_S * rate];
  const last = signal.length - size;
  const found = [];
  for (let first = 0; first < last; first += hop) found.push(signal.subarray(first, first + size));
  found.push(signal.subarray(last));
  return found;
}

/** Without the quiet at both ends, further than `topDb` below the loudest frame. */
export function trim(signal, rate, topDb) {
  if (!topDb) return signal;
  const size = Math.max(4, Math.round(0.032 * rate));
  const hop = Math.floor(size / 4);
  const half = Math.floor(size / 2);
  const sums = new Float64Array(signal.length + 1);
  for (let i = 0; i < signal.length; i++) sums[i + 1] = sums[i] + signal[i] * signal[i];
  const upTo = (i) => sums[Math.min(signal.length, Math.max(0, i))];
  const powers = [];
  for (let start = 0; start + size <= signal.length + 2 * half; start += hop) {
    powers.push(Math.max((upTo(start - half + size) - upTo(start - half)) / size, 1e-10));
  }
  const loudest = powers.reduce((a, b) => Math.max(a, b));
  const isLoud = (power) => 10 * Math.log10(power / loudest) > -topDb;
  const last = powers.length - 1 - [...powers].reverse().findIndex(isLoud);
  return signal.subarray(powers.findIndex(isLoud) * hop, (last + 1) * hop);
}
