// The page: a file or the microphone in, probabilities out. Nothing is sent anywhere.

import * as ort from "./ort.wasm.min.mjs";
import { decode, isSilent, pieces, resample, trim } from "./sound.js";

const byId = (id) => document.getElementById(id);
const say = (text) => (byId("status").textContent = text);

// More threads need headers that a plain file server does not send.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./", import.meta.url).href;

async function open() {
  const model = await (await fetch("model.json")).json();
  const session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
  return { model, session };
}
const opened = open();

/** Probabilities by label of a signal at any rate. */
async function hear(signal, rate) {
  const { model, session } = await opened;
  const ready = resample(signal, rate, model.sample_rate);
  if (!ready.length || isSilent(ready)) throw new Error("Only silence. Check the microphone.");
  const sums = new Float64Array(model.labels.length);
  const parts = pieces(ready, model.sample_rate);
  for (const part of parts) {
    const heard = trim(part, model.sample_rate, model.prepare.trim_db ?? 0);
    const output = await session.run({
      waveforms: new ort.Tensor("float32", Float32Array.from(heard), [1, heard.length]),
      lengths: new ort.Tensor("int64", BigInt64Array.from([BigInt(heard.length)]), [1]),
    });
    output.probabilities.data.forEach((value, i) => (sums[i] += value / parts.length));
  }
  return Object.fromEntries(model.labels.map((label, i) => [label, sums[i]]));
}

/** Probabilities by label of a file's bytes. */
async function hearBytes(buffer) {
  const { signal, rate } = await decode(buffer);
  return hear(signal, rate);
}

function show(name, probabilities, tookMs) {
  const rows = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  const table = byId("answer");
  table.querySelector("caption").textContent = `${name}: ${rows[0][0]}`;
  table.querySelector("tbody").replaceChildren(
    ...rows.map(([label, value]) => {
      const row = document.createElement("tr");
      row.insertCell().textContent = label;
      row.insertCell().textContent = `${(100 * value).toFixed(1)} %`;
      const bar = document.createElement("progress");
      bar.value = value;
      bar.setAttribute("aria-label", label);
      row.insertCell().append(bar);
      return row;
    }),
  );
  table.hidden = false;
  say(`Heard in ${tookMs.toFixed(0)} ms, on this device.`);
}

async function answer(name, listen) {
  say("Listening…");
  const began = performance.now();
  try {
    show(name, await listen(), performance.now() - began);
  } catch (error) {
    byId("answer").hidden = true;
    say(error.name === "EncodingError" ? `${name}: not a recording that this browser reads.` : error.message);
  }
}

let recording = null;

async function startRecording() {
  const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const context = new AudioContext();
  await context.audioWorklet.addModule("recorder.js");
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const blocks = [];
  node.port.onmessage = ({ data }) => blocks.push(data);
  context.createMediaStreamSource(stream).connect(node);
  recording = { stream, context, blocks };
  byId("record").textContent = "Stop";
  say("Recording. Speak, then press Stop.");
}

async function stopRecording() {
  const { stream, context, blocks } = recording;
  recording = null;
  byId("record").textContent = "Record";
  stream.getTracks().forEach((track) => track.stop());
  const rate = context.sampleRate;
  await context.close();
  const signal = new Float32Array(blocks.reduce((n, block) => n + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    signal.set(block, at);
    at += block.length;
  }
  await answer("microphone", () => hear(signal, rate));
}

byId("file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (file) await answer(file.name, async () => hearBytes(await file.arrayBuffer()));
});

byId("record").addEventListener("click", async () => {
  try {
    await (recording ? stopRecording() : startRecording());
  } catch (error) {
    say(`No microphone: ${error.message}`);
  }
});

// For scripts and tests: what the page itself calls.
globalThis.serotone = { hear, hearBytes };

opened.then(
  ({ model }) => {
    for (const id of ["file", "record"]) byId(id).disabled = false;
    say(`Ready: ${model.name}, ${model.labels.length} emotions.`);
  },
  (error) => say(`The model does not load: ${error.message}`),
);
