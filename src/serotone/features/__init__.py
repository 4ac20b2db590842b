"""Acoustic features as torch layers: waveform (B, N) in, frames (B, T, F) out.

None has learned state, so each exports inside the model that uses it.
"""
