/** The microphone: blocks of samples as they come. */

import workletUrl from "./microphone-worklet.js?url";

const SILENT_AFTER_MS = 8000;

export class NoMicrophone extends Error {}

const SENTENCES: Record<string, string> = {
  NotAllowedError: "The browser does not let this page use the microphone. Allow it in the address bar.",
  NotFoundError: "There is no microphone. Connect one, or drop a recording instead.",
  NotReadableError: "Another program is using the microphone. Close it, then try again.",
};

/** Names of the microphones by id; names are empty until one was allowed. */
export async function microphones(): Promise<MediaDeviceInfo[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter((device) => device.kind === "audioinput" && device.deviceId);
}

export class Microphone {
  private watch = 0;

  private constructor(
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
  ) {}

  /**
   * Begin to record.
   *
   * ``onBlock`` takes each block; ``onSilence`` is called when nothing at all comes.
   */
  static async open(
    onBlock: (block: Float32Array) => void,
    onSilence: () => void,
    deviceId = "",
  ): Promise<Microphone> {
    if (!navigator.mediaDevices) {
      throw new NoMicrophone("Browsers give the microphone to pages of https and localhost only.");
    }
    const plain = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const audio = deviceId ? { ...plain, deviceId: { exact: deviceId } } : plain;
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      const { name, message } = error as DOMException;
      throw new NoMicrophone(SENTENCES[name] ?? `The microphone cannot be used: ${message}`);
    }
    // Nothing is played: where a browser knows "none", no loudspeaker need work.
    const context = new AudioContext({ sinkId: { type: "none" } } as AudioContextOptions);
    const microphone = new Microphone(stream, context);
    await context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    microphone.watch = window.setTimeout(onSilence, SILENT_AFTER_MS);
    node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
      clearTimeout(microphone.watch);
      onBlock(data);
    };
    context.createMediaStreamSource(stream).connect(node);
    return microphone;
  }

  get rate(): number {
    return this.context.sampleRate;
  }

  close(): void {
    clearTimeout(this.watch);
    this.stream.getTracks().forEach((track) => track.stop());
    void this.context.close();
  }
}

/** Level of a block: 0 at -60 dB and below, 1 at full scale. */
export function level(block: Float32Array): number {
  const power = block.reduce((sum, x) => sum + x * x, 0) / block.length;
  return Math.max(0, 1 + Math.log10(Math.max(power, 1e-6)) / 6);
}
