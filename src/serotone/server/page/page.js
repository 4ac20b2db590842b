(() => {
  // One listener for all answers: they come and go after the page has loaded.
  const box = element => element.closest(".st-time");
  const show = (place, seconds) => {
    const strip = place.querySelector(".st-strip"), length = Number(strip?.dataset.length);
    if (length) strip.querySelector(".st-needle").style.left = `${(100 * seconds) / length}%`;
  };
  const jump = (place, seconds) => {
    const audio = place.querySelector("audio");
    show(place, seconds);
    audio.currentTime = seconds;
    audio.play().catch(() => {});
  };
  document.addEventListener("click", event => {
    const strip = event.target.closest?.(".st-strip"), button = event.target.closest?.(".st-jump");
    if (button) return jump(box(button), Number(button.dataset.start));
    if (event.target.closest?.(".st-live-button")) return live.toggle();
    if (!strip) return;
    const area = strip.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - area.left) / area.width));
    jump(box(strip), share * Number(strip.dataset.length));
  });
  document.addEventListener("timeupdate", event => {
    const place = event.target.closest?.(".st-time");
    if (place) show(place, event.target.currentTime);
  }, true);

  // The microphone: samples as they come, to the page's own socket.
  const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
    process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
  });`;
  const SEND_EVERY_S = 0.1, SILENT_AFTER_MS = 8000;
  const live = {
    on: null,
    toggle() { return this.on ? this.stop() : this.start(); },
    panel: () => document.querySelector(".st-live"),
    say(html) { document.querySelector(".st-live-answer").innerHTML = html; },
    fail(text) {
      this.say('<div class="st-box st-wrong"><div class="banner" role="alert"></div></div>');
      document.querySelector(".st-live-answer .banner").textContent = text;
    },
    label(text, pressed) {
      const button = document.querySelector(".st-live-button");
      button.textContent = text;
      button.setAttribute("aria-pressed", String(pressed));
    },
    level(samples) {
      const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
      const share = Math.max(0, 1 + Math.log10(Math.max(power, 1e-6)) / 6);
      this.panel().querySelector(".st-level i").style.width = `${100 * share}%`;
    },
    async start() {
      const on = this.on = {};
      this.label("Stop", true);
      try {
        const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
        if (!navigator.mediaDevices) throw new Error("a browser gives it to https pages only");
        on.media = await navigator.mediaDevices.getUserMedia({ audio: plain });
        // Nothing is played: where a browser knows "none", no loudspeaker need work.
        on.context = new AudioContext({ sinkId: { type: "none" } });
        const module = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
        await on.context.audioWorklet.addModule(module);
        URL.revokeObjectURL(module);
      } catch (error) {
        if (this.on === on) this.stop();
        return this.fail(`The microphone cannot be used: ${error.message}.`);
      }
      if (this.on !== on) return this.release(on);
      this.connect(on);
    },
    connect(on) {
      const { path, token } = this.panel().dataset, rate = on.context.sampleRate;
      const address = new URL(path, location.href);
      address.protocol = address.protocol.replace("http", "ws");
      on.socket = new WebSocket(address);
      on.socket.onopen = () => on.socket.send(JSON.stringify({ token, sample_rate: rate }));
      on.socket.onmessage = event => this.say(event.data);
      on.socket.onerror = () => this.fail("The service cannot be reached. Try again.");
      on.socket.onclose = () => { if (this.on === on) this.stop(); };
      const tap = new AudioWorkletNode(on.context, "tap");
      on.watch = setTimeout(() => {
        this.stop();
        this.fail("No sound comes from the microphone. Press Start again, or choose another one.");
      }, SILENT_AFTER_MS);
      let waiting = [];
      tap.port.onmessage = ({ data }) => {
        clearTimeout(on.watch);
        waiting.push(...data);
        if (waiting.length < SEND_EVERY_S * rate) return;
        this.level(waiting);
        const pcm = Int16Array.from(waiting, x => Math.max(-1, Math.min(1, x)) * 32767);
        waiting = [];
        if (on.socket.readyState === WebSocket.OPEN) on.socket.send(pcm);
      };
      on.context.createMediaStreamSource(on.media).connect(tap);
    },
    stop() {
      const on = this.on;
      this.on = null;
      this.label("Start", false);
      this.panel().querySelector(".st-level i").style.width = "0";
      if (on) this.release(on);
    },
    release(on) {
      clearTimeout(on.watch);
      on.media?.getTracks().forEach(track => track.stop());
      on.context?.close();
      on.socket?.close();
    },
  };
})();
