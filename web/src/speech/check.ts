/** Whether there is anything in a sound to judge: speech, and long enough. */

import type { InferenceSession } from "onnxruntime-web";
import { NO_SPEECH } from "../types";
import { FRAME_SAMPLES, Silero, VAD_RATE_HZ, frames } from "./silero";

export const SHORT = "short";
const SHORT_S = 1;
const ENOUGH_S = 0.2;
const ENOUGH_SHARE = 0.25;
const LOUDEST_S = 1;

/** Warnings about a sound at 16 kHz, none where all is well. */
export async function checkSound(session: InferenceSession, signal: Float32Array): Promise<string[]> {
  const lengthS = signal.length / VAD_RATE_HZ;
  const found = lengthS < SHORT_S ? [SHORT] : [];
  const nEnough = (Math.min(ENOUGH_S, ENOUGH_SHARE * lengthS) * VAD_RATE_HZ) / FRAME_SAMPLES;
  const all = frames(signal);
  // The loudest second first: it settles most recordings of speech.
  const spoken = (await reaches(session, loudest(all), nEnough)) || (await reaches(session, all, nEnough));
  return spoken ? found : [...found, NO_SPEECH];
}

function loudest(all: Float32Array[]): Float32Array[] {
  const around = Math.round((LOUDEST_S * VAD_RATE_HZ) / FRAME_SAMPLES / 2);
  const powers = all.map((frame) => frame.reduce((sum, x) => sum + x * x, 0));
  const peak = powers.indexOf(Math.max(...powers));
  return all.slice(Math.max(0, peak - Math.floor(around / 2)), peak + around);
}

async function reaches(session: InferenceSession, some: Float32Array[], nEnough: number): Promise<boolean> {
  const silero = new Silero(session);
  let nSpeech = 0;
  for (const frame of some) {
    if ((await silero.next(frame)) > 0.5) nSpeech++;
    if (nSpeech >= nEnough) return true;
  }
  return false;
}
