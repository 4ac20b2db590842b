"""Utterances heard by a recogniser: files, parts of files, altered copies, speaker by speaker."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from serotone.audio.io import read
from serotone.errors import AudioError
from serotone.types import Audio, Failure, Prediction, Utterance, speakers

Alter = Callable[[Audio, str], Audio]
"""Sound and the id of its utterance to altered sound."""


class Described(Protocol):
    """What an evaluation reads of a model's description."""

    @property
    def name(self) -> str: ...
    @property
    def recipe(self) -> str: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def provenance(self) -> Mapping[str, Any]: ...
    @property
    def thresholds(self) -> Mapping[float, float]: ...
    @property
    def prepare(self) -> Mapping[str, Any]: ...


class Hearing(Protocol):
    """What an evaluation needs of a ``Recognizer``."""

    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def model(self) -> Described: ...
    def for_speaker(self, audios: Iterable[Audio]) -> Hearing: ...
    def predict_audio(self, audio: Audio) -> Prediction: ...
    def predict_files(
        self, paths: Iterable[Path], *, batch_size: int
    ) -> Iterator[Prediction | Failure]: ...


def listen(
    recognizer: Hearing,
    utterances: Sequence[Utterance],
    batch_size: int,
    alter: Alter | None = None,
) -> Iterator[tuple[Utterance, Prediction | Failure]]:
    """Each utterance and its answer; speaker by speaker for a model that wants to know them.

    Args:
        recognizer: what listens.
        utterances: what to hear.
        batch_size: files per call of the model.
        alter: what befalls each sound on its way; None leaves it as it is.
    """
    if not wants_speakers(recognizer.model):
        yield from _hear(recognizer, utterances, batch_size, alter)
        return
    for speaker in speakers(utterances):
        theirs = [u for u in utterances if u.speaker == speaker]
        try:
            told = recognizer.for_speaker(_sounds(theirs, recognizer.model.sample_rate, alter))
        except AudioError:  # not one could be read, as each will say by itself
            told = recognizer
        yield from _hear(told, theirs, batch_size, alter)


def wants_speakers(model: Described) -> bool:
    """Whether the model is to hear all of a speaker's recordings before it judges one."""
    return bool(model.prepare.get("equalise_speaker"))


def _sounds(
    utterances: Iterable[Utterance], sample_rate: int, alter: Alter | None
) -> Iterator[Audio]:
    for utterance in utterances:
        with contextlib.suppress(AudioError):
            yield _sound_of(utterance, sample_rate, alter)


def _hear(
    recognizer: Hearing,
    utterances: Sequence[Utterance],
    batch_size: int,
    alter: Alter | None,
) -> Iterator[tuple[Utterance, Prediction | Failure]]:
    if alter is not None:
        for utterance in utterances:
            yield utterance, _hear_made(recognizer, utterance, alter)
        return
    whole = [u for u in utterances if not _is_made(u)]
    heard = recognizer.predict_files([u.path for u in whole], batch_size=batch_size)
    yield from zip(whole, heard, strict=True)
    for utterance in utterances:
        if _is_made(utterance):
            yield utterance, _hear_made(recognizer, utterance)


def _is_made(utterance: Utterance) -> bool:
    """Whether it is not its file as it is: a part of it, or an altered copy."""
    if utterance.start_s > 0 or not math.isnan(utterance.end_s):
        return True
    return "#" in utterance.id and _altered(utterance)


def _altered(utterance: Utterance) -> bool:
    from serotone.effects.waveform import copy_of  # needs the extra train, as such rows do

    return bool(copy_of(utterance.id, utterance.path)[1])


def _hear_made(
    recognizer: Hearing, utterance: Utterance, alter: Alter | None = None
) -> Prediction | Failure:
    try:
        return recognizer.predict_audio(_sound_of(utterance, recognizer.model.sample_rate, alter))
    except AudioError as error:
        return Failure(str(utterance.path), str(error))


def _sound_of(utterance: Utterance, sample_rate: int, alter: Alter | None = None) -> Audio:
    """What is said, cut out of its file; a copy of the split ``claimed`` altered as it says."""
    # Read at the model's rate, at which the copies that it learned from were altered too.
    sound = _cut(read(utterance.path, sample_rate=sample_rate), utterance.start_s, utterance.end_s)
    if "#" in utterance.id:
        from serotone.effects.waveform import as_row  # needs the extra train, as such rows do

        sound = as_row(sound, utterance_id=utterance.id, path=utterance.path)
    return alter(sound, utterance.id) if alter else sound


def _cut(sound: Audio, start_s: float, end_s: float) -> Audio:
    first = round(start_s * sound.sample_rate)
    last = None if math.isnan(end_s) else round(end_s * sound.sample_rate)
    return Audio(sound.signal[first:last], sound.sample_rate, sound.source, start_s)
