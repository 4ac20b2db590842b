"""Sound to words: pocketsphinx, whose model comes with its package, or faster-whisper.

pocketsphinx: Huggins-Daines et al. 2006, PocketSphinx: A Free, Real-Time Continuous Speech
Recognition System for Hand-Held Devices, doi:10.1109/ICASSP.2006.1659988.
Whisper: Radford et al. 2022, Robust Speech Recognition via Large-Scale Weak Supervision,
arXiv:2212.04356.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serotone.audio.dsp import peak_normalise, to_rate
from serotone.audio.vad import VadConfig, speech_spans
from serotone.errors import MissingExtraError, ModelError
from serotone.types import Audio
from serotone.words.transcript import Transcriber, Transcript, Word

if TYPE_CHECKING:
    from serotone.audio.vad import Span

SAMPLE_RATE = 16000
"""In Hz; both engines hear at this rate."""

POCKETSPHINX, WHISPER = "pocketsphinx", "whisper"
DEFAULT_WHISPER = "base"

LONGEST_S = 20.0
"""Speech without a pause is decoded in pieces up to here, cut where it is quietest."""

FRAMES_PER_S = 100
"""pocketsphinx counts time in these."""

_PAUSES = VadConfig(min_silence_s=0.5, pad_s=0.2)
_VARIANT = re.compile(r"\(\d+\)$")


def open_transcriber(name: str = POCKETSPHINX) -> Transcriber:
    """An engine by name.

    Args:
        name: ``pocketsphinx``; ``whisper`` for faster-whisper's model ``base``; or ``whisper:``
            and a model's name (``whisper:small``) or folder (``whisper:models/whisper-small``).

    Raises:
        MissingExtraError: when the engine is not installed.
        ModelError: when there is no such engine, or its weights cannot be had.
    """
    engine, _, model = name.partition(":")
    if engine == POCKETSPHINX and not model:
        return PocketSphinx()
    if engine == WHISPER:
        return FasterWhisper(model or DEFAULT_WHISPER)
    raise ModelError(
        f"unknown transcriber '{name}', expected {POCKETSPHINX}, {WHISPER} or {WHISPER}:MODEL. "
        "Choose one of these."
    )


def transcribe(audio: Audio, name: str = POCKETSPHINX) -> Transcript:
    """The words of one sound; for several, keep what ``open_transcriber`` returns.

    Raises:
        MissingExtraError: when the engine is not installed.
        ModelError: when there is no such engine, or its weights cannot be had.
    """
    return open_transcriber(name)(audio)


@dataclass(frozen=True)
class PocketSphinx:
    """English, offline, small: hidden Markov models and a trigram language model.

    Pauses are left out and each stretch of speech is decoded by itself, so a recording may be of
    any length. What one call returns does not depend on the calls before.

    Raises:
        MissingExtraError: when pocketsphinx is not installed.
    """

    language: str = field(default="en", init=False)
    _decoder: Any = field(default_factory=lambda: _load_pocketsphinx(), init=False, repr=False)

    def __call__(self, audio: Audio) -> Transcript:
        """The words of a sound of any rate and length."""
        ready = peak_normalise(to_rate(audio, SAMPLE_RATE), peak_db=-3.0)
        spans = speech_spans(ready, config=_PAUSES)
        words = (word for piece in _pieces(ready, spans) for word in self._decode(piece))
        return Transcript.of(tuple(words), self.language)

    def _decode(self, audio: Audio) -> Iterator[Word]:
        samples = np.rint(audio.signal * 32767).astype("<i2").tobytes()
        # Its estimate of the noise would otherwise carry over from one stretch to the next.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(samples, no_search=False, full_utt=True)
        self._decoder.end_utt()
        if self._decoder.hyp() is None:
            return
        for segment in self._decoder.seg():
            text = _VARIANT.sub("", segment.word)
            if text[0] in "<[+":  # silence and noises
                continue
            yield Word(
                text=text,
                start_s=audio.start_s + segment.start_frame / FRAMES_PER_S,
                end_s=audio.start_s + (segment.end_frame + 1) / FRAMES_PER_S,
                # Posteriors are sums of rounded logarithms and may exceed 1 by a little.
                confidence=min(1.0, float(segment.prob)),
            )


class FasterWhisper:
    """Whisper in CTranslate2, int8 on the processor: about a hundred languages.

    Args:
        model: a name that faster-whisper knows (fetched once, then offline), or a local folder.
        language: ISO 639-1 code; found from the sound where None.

    Raises:
        MissingExtraError: when faster-whisper is not installed.
        ModelError: when the weights are neither here nor to be fetched.
    """

    def __init__(self, model: str = DEFAULT_WHISPER, *, language: str | None = None) -> None:
        self._model = _load_whisper(model)
        self._language = language

    def __call__(self, audio: Audio) -> Transcript:
        """The words of a sound of any rate and length."""
        ready = to_rate(audio, SAMPLE_RATE)
        segments, info = self._model.transcribe(
            ready.signal, language=self._language, word_timestamps=True, vad_filter=True
        )
        heard = list(segments)  # decoded only as they are taken
        words = tuple(word for segment in heard for word in _words_of(segment, ready.start_s))
        text = "".join(segment.text for segment in heard).strip()
        return Transcript.of(words, str(info.language), text=text)


def _words_of(segment: Any, offset_s: float) -> Iterator[Word]:
    if segment.words:
        for word in segment.words:
            start_s, end_s = offset_s + float(word.start), offset_s + float(word.end)
            yield Word(word.word.strip(), start_s, end_s, float(word.probability))
    elif segment.text.strip():
        # Words too short to be aligned: the stretch stands for them.
        start_s, end_s = offset_s + float(segment.start), offset_s + float(segment.end)
        yield Word(segment.text.strip(), start_s, end_s, math.exp(float(segment.avg_logprob)))


def _pieces(audio: Audio, spans: Iterable[Span]) -> Iterator[Audio]:
    """Stretches of speech, none longer than ``LONGEST_S``."""
    for span in spans:
        first = round((span.start_s - audio.start_s) * audio.sample_rate)
        last = round((span.end_s - audio.start_s) * audio.sample_rate)
        for start, end in _cuts(audio, first, last):
            start_s = audio.start_s + start / audio.sample_rate
            yield Audio(audio.signal[start:end], audio.sample_rate, audio.source, start_s)


def _cuts(audio: Audio, first: int, last: int) -> Iterator[tuple[int, int]]:
    longest, frame = int(LONGEST_S * audio.sample_rate), audio.sample_rate // 20
    while last - first > longest:
        # The quietest twentieth of a second in the second half of what may be taken.
        low = first + longest // 2
        part = audio.signal[low : first + longest]
        level = np.square(part[: len(part) // frame * frame].reshape(-1, frame)).sum(axis=1)
        cut = low + int(level.argmin()) * frame + frame // 2
        yield first, cut
        first = cut
    if last > first:
        yield first, last


def _load_pocketsphinx() -> Any:
    try:
        import pocketsphinx
    except ImportError:
        raise MissingExtraError("transcribing", "words", "pocketsphinx") from None
    # The mean of each stretch, not a running one that the stretches before it would move.
    return pocketsphinx.Decoder(samprate=float(SAMPLE_RATE), cmn="batch", loglevel="FATAL")


def _load_whisper(model: str) -> Any:
    try:
        import faster_whisper
    except ImportError:
        raise MissingExtraError("transcribing with Whisper", "whisper", "faster-whisper") from None
    if ("/" in model or model.startswith(".")) and Path(model).is_dir():
        _check_whisper_folder(Path(model))
    try:
        return faster_whisper.WhisperModel(model, device="cpu", compute_type="int8")
    except ValueError as error:
        raise ModelError(
            f"Whisper model '{model}': {_first_line(error)}. Name one of these, or a folder."
        ) from None
    # The hub's errors of network and of missing files are OSErrors, CTranslate2's RuntimeErrors.
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"Whisper model '{model}': its weights are not on this machine and cannot be fetched "
            f"({_first_line(error)}). Connect to a network once, or give a folder that holds it."
        ) from None


def _check_whisper_folder(folder: Path) -> None:
    missing = [name for name in ("model.bin", "config.json") if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"{folder}: no {missing[0]}, expected a Whisper model in CTranslate2's form. "
            "Copy the whole folder, or convert with ct2-transformers-converter."
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "no reason"
