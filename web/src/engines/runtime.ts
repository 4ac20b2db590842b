/** onnxruntime in a browser: one thread, as more need headers that plain file servers do not send. */

import * as ort from "onnxruntime-web/wasm";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import glueUrl from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = {
  wasm: new URL(wasmUrl, import.meta.url).href,
  mjs: new URL(glueUrl, import.meta.url).href,
};

export { ort };

export function openSession(url: string): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(url, { executionProviders: ["wasm"] });
}
