"""The search for copies: which recordings are one recording, altered?

Two fingerprints are compared in three steps, each dearer than the last. The likeness of their
summaries proposes candidates. Correlation over time and frequency finds the move that lays one on
the other. Then pieces of half a second are matched one by one. In a copy every piece is found, and
all moved alike. In another take of the same sentence, however alike, some pieces are not there,
and timing and intonation wander from piece to piece: that tells the two apart.

Found: copies resampled, re-gained, padded, trimmed, coded, with noise added, pitch-shifted by up
to two semitones, and all of these together. Not found: copies whose time was stretched, common
stretches under 0.8 s, short excerpts of long recordings. Where one voice says one carrier sentence
again and again in two seconds, as in TESS, some takes pass for copies.
``benchmarks/near_duplicates.py`` measures all this.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from serotone.corpora.fingerprint import (
    BAND_SEMITONES,
    FRAME_S,
    Array,
    Fingerprint,
    fast_size,
)

N_CANDIDATES = 6
MIN_SIMILARITY = 0.8

MAX_SHIFT = 5
MIN_CORRELATION = 0.6
MIN_OVERLAP_S = 0.8

PIECE = 32
PIECE_LAG = 8
PIECE_SHIFT = 3
QUIET = 0.15

PITCH_WEIGHT = 3.5
LAG_WEIGHT = 0.02
THRESHOLD = 0.48


@dataclass(frozen=True, slots=True)
class Match:
    """How one recording lies on another.

    Attributes:
        score: 1 for an exact copy, less for altered ones, below ``THRESHOLD`` for other takes.
        weakest: correlation of the piece that fits least, 0 to 1.
        lag_deviation_ms: mean deviation of the pieces' lags from their mean.
        pitch_deviation_semitones: mean deviation of the pieces' pitch shifts from their mean.
        lag_s: where the second begins within the first; negative when it begins earlier.
        pitch_semitones: by how much the second is higher than the first.
        gain_db: by how much the loud parts of the second are louder.
    """

    score: float
    weakest: float
    lag_deviation_ms: float
    pitch_deviation_semitones: float
    lag_s: float
    pitch_semitones: float
    gain_db: float

    @property
    def is_copy(self) -> bool:
        return self.score >= THRESHOLD

    @property
    def change(self) -> str:
        """What was done to the second, as far as it can be told from where it lies.

        Example:
            >>> Match(0.9, 0.95, 0.2, 0.01, 0.5, 0.7, -6.0).change
            'begins 0.50 s later, +0.7 semitones, -6.0 dB'
        """
        changes = []
        if abs(self.lag_s) >= 2 * FRAME_S:
            changes.append(
                f"begins {abs(self.lag_s):.2f} s {'later' if self.lag_s > 0 else 'earlier'}"
            )
        if abs(self.pitch_semitones) >= 0.2:
            changes.append(f"{self.pitch_semitones:+.1f} semitones")
        if abs(self.gain_db) >= 1:
            changes.append(f"{self.gain_db:+.1f} dB")
        return ", ".join(changes) or "same place, pitch and level"


def compare(first: Fingerprint, second: Fingerprint) -> Match | None:
    """How ``second`` lies on ``first``, or None where they have too little in common to say.

    Example:
        >>> import numpy as np
        >>> from serotone.corpora.fingerprint import fingerprint
        >>> noise = np.random.default_rng(0).normal(size=32000).astype(np.float32)
        >>> match = compare(fingerprint(noise, 16000), fingerprint(0.1 * noise[8000:], 16000))
        >>> match.is_copy, round(match.lag_s, 1), round(match.gain_db)
        (True, 0.5, -20)
    """
    a, b = first.picture.astype(np.float32), second.picture.astype(np.float32)
    shift, lag = _best_move(a, b)
    start, end = max(0, lag), min(a.shape[1], b.shape[1] + lag)
    if (end - start) * FRAME_S < MIN_OVERLAP_S:
        return None
    low, high = max(0, shift), len(a) + min(0, shift)
    x = a[low:high, start:end]
    y = b[low - shift : high - shift, start - lag : end - lag]
    norm = float(np.sqrt(np.sum(x * x) * np.sum(y * y)))
    if norm == 0 or float(np.sum(x * y)) / norm < MIN_CORRELATION:
        return None
    pieces = _pieces(x, y)
    lag_mean, lag_deviation = _mean_and_deviation(pieces.lags, pieces.weights)
    shift_mean, shift_deviation = _mean_and_deviation(pieces.shifts, pieces.weights)
    weakest = float(pieces.heights.min())
    lag_ms, semitones = lag_deviation * FRAME_S * 1000, shift_deviation * BAND_SEMITONES
    return Match(
        score=weakest - PITCH_WEIGHT * semitones - LAG_WEIGHT * lag_ms,
        weakest=weakest,
        lag_deviation_ms=lag_ms,
        pitch_deviation_semitones=semitones,
        lag_s=(lag - lag_mean) * FRAME_S,
        pitch_semitones=(shift_mean - shift) * BAND_SEMITONES,
        gain_db=second.level_db - first.level_db,
    )


def candidates(
    summaries: Array, sides: NDArray[np.int64] | None = None, *, n: int = N_CANDIDATES
) -> list[tuple[int, int]]:
    """Pairs of recordings worth comparing: each one's ``n`` most similar, on other sides.

    Args:
        summaries: float32 (M, D).
        sides: int64 (M,), which side each recording stands on; None compares all with all.
        n: how many per recording.

    Returns:
        Pairs (i, j) of indices, i < j, sorted.
    """
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(summaries), 1024):
        block = np.arange(start, min(start + 1024, len(summaries)))
        similarity = summaries[block] @ summaries.T
        similarity[block - start, block] = -1.0
        if sides is not None:
            similarity[sides[block][:, None] == sides[None, :]] = -1.0
        best = np.argpartition(-similarity, min(n, len(summaries) - 1) - 1, axis=1)[:, :n]
        for row, others in zip(block.tolist(), best.tolist(), strict=True):
            near = [j for j in others if similarity[row - start, j] >= MIN_SIMILARITY]
            pairs.update((min(row, j), max(row, j)) for j in near)
    return sorted(pairs)


def near_duplicates(
    prints: Sequence[Fingerprint], sides: Sequence[int] | None = None, *, n_threads: int = 1
) -> list[tuple[int, int, Match]]:
    """All pairs of recordings that are copies of each other, altered or not.

    Args:
        prints: M fingerprints.
        sides: which side each stands on; only pairs across sides are looked for. None: all pairs.
        n_threads: that compare at the same time.

    Returns:
        Triples (i, j, match), i < j, sorted.
    """
    if len(prints) < 2:
        return []
    summaries = np.stack([p.summary for p in prints])
    pairs = candidates(summaries, None if sides is None else np.asarray(sides, dtype=np.int64))
    with ThreadPoolExecutor(n_threads) as pool:
        matches = pool.map(lambda pair: compare(prints[pair[0]], prints[pair[1]]), pairs)
        return [(*pair, m) for pair, m in zip(pairs, matches, strict=True) if m and m.is_copy]


def _best_move(a: Array, b: Array) -> tuple[int, int]:
    """The (bands, frames) by which ``b`` must be moved to lie best on ``a``."""
    n = fast_size(a.shape[1] + b.shape[1])
    fa, fb = np.fft.rfft(a, n, axis=1), np.fft.rfft(b, n, axis=1).conj()
    bands = len(a)
    shifts = range(-MAX_SHIFT, MAX_SHIFT + 1)
    moved = ((max(0, s), bands + min(0, s), s) for s in shifts)
    spectra = [(fa[lo:hi] * fb[lo - s : hi - s]).sum(axis=0) for lo, hi, s in moved]
    scores = np.fft.irfft(np.stack(spectra), n, axis=1)
    row, column = divmod(int(scores.argmax()), n)
    return row - MAX_SHIFT, column if column < a.shape[1] else column - n


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Where each piece was found: lag (frames), shift (bands), how well, and how much it counts."""

    lags: Array
    shifts: Array
    heights: Array
    weights: Array


def _pieces(x: Array, y: Array) -> _Pieces:
    """Find each piece of ``x`` within ``y``, both (F, T), but those with little in them."""
    inner = x[PIECE_SHIFT : len(x) - PIECE_SHIFT]
    padded = np.pad(y, ((0, 0), (PIECE_LAG, PIECE_LAG)))
    around = sliding_window_view(padded, len(inner), axis=0).transpose(0, 2, 1)
    found = []
    for start in range(0, max(1, x.shape[1] - PIECE // 2), PIECE // 2):
        piece = inner[:, start : start + PIECE]
        width = piece.shape[1] + 2 * PIECE_LAG
        scores = _correlate(piece, around[:, :, start : start + width])
        found.append((*_peak(scores), float(np.sum(piece * piece))))
    lags, shifts, heights, energies = np.asarray(found, dtype=np.float32).T
    loud = energies > QUIET * np.quantile(energies, 0.9)
    heights = np.clip(heights, 0.0, 1.0)
    return _Pieces(lags[loud], shifts[loud], heights[loud], (energies * heights)[loud])


def _correlate(piece: Array, around: Array) -> Array:
    """Correlation (S, 2L + 1) of a piece (F, W) with (S, F, W + 2L) at every lag."""
    width, n_lags = piece.shape[1], around.shape[2] - piece.shape[1] + 1
    products = np.ascontiguousarray(piece.T @ around)
    shift, row, column = products.strides
    shape = (len(around), width, n_lags)
    diagonals = as_strided(products, shape, (shift, row + column, column), writeable=False)
    energy = np.cumsum(np.einsum("sft,sft->st", around, around), axis=1, dtype=np.float64)
    energy = np.pad(energy, ((0, 0), (1, 0)))
    own = float(np.sum(piece * piece))
    # Next to silence a correlation says nothing: a hundredth of the piece's energy as the least.
    theirs = np.maximum(energy[:, width:] - energy[:, :-width], 0.01 * own)
    return np.asarray(diagonals.sum(axis=1) / (np.sqrt(theirs * own) + 1e-6), dtype=np.float32)


def _peak(scores: Array) -> tuple[float, float, float]:
    """Lag, shift and height of the highest of (shifts, lags), to a fraction of a step."""
    i, j = divmod(int(scores.argmax()), scores.shape[1])
    lag = j + _vertex(scores[i, j - 1 : j + 2])
    shift = i + _vertex(scores[i - 1 : i + 2, j])
    return lag - PIECE_LAG, shift - PIECE_SHIFT, float(scores[i, j])


def _vertex(three: Array) -> float:
    """Where the parabola through three neighbours has its top, from the middle one."""
    if len(three) < 3:
        return 0.0
    left, middle, right = (float(v) for v in three)
    bend = left - 2 * middle + right
    return max(-0.5, min(0.5, 0.5 * (left - right) / bend)) if bend < 0 else 0.0


def _mean_and_deviation(values: Array, weights: Array) -> tuple[float, float]:
    total = float(weights.sum())
    if total <= 0:
        return 0.0, float("inf")
    mean = float(np.sum(values * weights)) / total
    return mean, float(np.sum(np.abs(values - mean) * weights)) / total
