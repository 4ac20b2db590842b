import { defineConfig } from "vite";

// Relative addresses: the same files are served at / by the service and from any folder of a web
// server. Nothing is inlined as a data: address, which the page's own policy would refuse.
export default defineConfig({
  base: "./",
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  worker: { format: "es" },
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "import", "default"] },
});
