/** A recording in the making: the microphone, its level and its length. */

import { joined, toWav } from "./audio/decode";
import { level, Microphone } from "./audio/microphone";

export class Recorder {
  level = 0;
  private nSamples = 0;
  private readonly blocks: Float32Array[] = [];
  private microphone: Microphone | null = null;

  constructor(private readonly changed: () => void) {}

  async start(onSilence: () => void): Promise<void> {
    this.microphone = await Microphone.open((block) => {
      this.blocks.push(block);
      this.nSamples += block.length;
      this.level = level(block);
      this.changed();
    }, onSilence);
  }

  get seconds(): number {
    return this.microphone ? this.nSamples / this.microphone.rate : 0;
  }

  /** End, and hand back what was recorded as a WAV file. */
  stop(): File {
    const rate = this.microphone?.rate ?? 48000;
    this.microphone?.close();
    const wav = toWav({ signal: joined(this.blocks), rate });
    const at = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    return new File([wav], `recording-${at}.wav`, { type: "audio/wav" });
  }
}
