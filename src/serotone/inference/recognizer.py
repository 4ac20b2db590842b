"""The Recognizer: opens a model, turns sound into predictions."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serotone.audio.dsp import to_rate
from serotone.audio.find import find_files
from serotone.audio.io import read
from serotone.audio.segment import windows
from serotone.audio.sound_check import NO_SPEECH, check_sounds
from serotone.errors import AudioError, ConfigError
from serotone.inference.backend import OnnxBackend, Output
from serotone.inference.threads import chunked, over_threads, side_by_side
from serotone.labels import UNCERTAIN
from serotone.labels import resolve as resolve_label
from serotone.store.layout import DEFAULT, ONNX, verify
from serotone.store.load import ModelInfo, describe, resolve
from serotone.types import Audio, Failure, Prediction

if TYPE_CHECKING:
    from serotone.audio.speaker_normalisation import Voice

LONGEST_S = 12.0
"""Sound up to here goes through the model whole, as the clips it was trained on."""

WINDOW_S, HOP_S = 4.0, 2.0
"""Windows that longer sound is heard in; their probabilities are averaged."""

BATCH_SIZE = 16
"""Pieces that go through the model at once."""

SHARES = 2
"""Of a batch of files for each thread: none waits long for the others."""

TRUST_WITHOUT_SPEECH = 0.2
"""Share of its say that the model keeps where nobody speaks; the rest is spread evenly."""


@dataclasses.dataclass(frozen=True)
class Recognizer:
    """A model ready to predict. Make one with ``Recognizer.open``.

    Attributes:
        model: what the model says of itself.
        backend: runs it.
        labels: those that predictions choose among.
        min_confidence: below it a prediction's label is ``uncertain``.
        voice: of the speaker, for a model that wants to know it.
        sound_check: warn of short sound and of what is no speech; the latter is ``uncertain``, its
            probabilities near even. Which label is likeliest does not change.
        coverage: how often sets of labels are to hold the truth; None gives none.

    Example:
        >>> recognizer = Recognizer.open()
        >>> recognizer.predict("samples/synthetic-en-fast-high.wav").label in recognizer.labels
        True
    """

    model: ModelInfo
    backend: OnnxBackend
    labels: tuple[str, ...]
    min_confidence: float = 0.0
    voice: Voice | None = None
    sound_check: bool = True
    coverage: float | None = None

    @classmethod
    def open(
        cls,
        model: str | Path = DEFAULT,
        *,
        n_threads: int | None = None,
        sound_check: bool = True,
    ) -> Recognizer:
        """Open a model by name or folder, after checking that its files are unaltered.

        Args:
            model: a name that ``serotone models`` lists, or a model folder.
            n_threads: at work on several sounds, or on several windows of one; one per core
                where None.
            sound_check: look for speech first; needless where somebody has looked already.

        Raises:
            ModelError: when there is no such model, or its files were altered.
        """
        path = resolve(model)
        info = describe(path)
        verify(path, names=(ONNX,))
        backend = OnnxBackend(path / ONNX, n_threads=n_threads)
        return cls(model=info, backend=backend, labels=info.labels, sound_check=sound_check)

    @property
    def sample_rate(self) -> int:
        """Of the waveform that the model takes, in Hz; other rates are resampled."""
        return self.model.sample_rate

    def narrow(self, labels: Sequence[str]) -> Recognizer:
        """The same model, choosing among these labels alone, renormalised.

        Raises:
            LabelError: when the model does not know one of them.
            ConfigError: when there are none.
        """
        if not labels:
            raise ConfigError("got no labels, expected at least one. Name some, as happy,sad.")
        chosen = {resolve_label(label, self.model.labels) for label in labels}
        kept = tuple(label for label in self.model.labels if label in chosen)
        return dataclasses.replace(self, labels=kept)

    def with_min_confidence(self, min_confidence: float) -> Recognizer:
        """The same model, saying ``uncertain`` below this probability."""
        return dataclasses.replace(self, min_confidence=min_confidence)

    def with_sets(self, coverage: float) -> Recognizer:
        """The same model, also giving the labels that hold the truth this often.

        Raises:
            ConfigError: when the model was not calibrated for this coverage.
        """
        self.model.threshold(coverage)
        return dataclasses.replace(self, coverage=coverage)

    def without_sound_check(self) -> Recognizer:
        """The same model, taking all it is given for speech."""
        return dataclasses.replace(self, sound_check=False)

    def for_speaker(self, audios: Iterable[Audio]) -> Recognizer:
        """The same model, having heard these recordings of the one it is to listen to.

        Only a model whose recipe has ``prepare.equalise_speaker`` profits; without this it takes
        each recording for all that it knows of a speaker. No labels are needed. Any other model
        with batch norms is fitted to a voice by ``serotone adapt``.

        Raises:
            AudioError: when there are no recordings.
        """
        from serotone.audio.speaker_normalisation import voice_of

        return dataclasses.replace(
            self, voice=voice_of(to_rate(audio, self.sample_rate) for audio in audios)
        )

    def predict(self, path: str | Path) -> Prediction:
        """Predict one file.

        Raises:
            AudioError: when it cannot be read.
        """
        return self.predict_audio(read(path, sample_rate=self.sample_rate))

    def predict_audio(self, audio: Audio) -> Prediction:
        """Predict sound that is in memory."""
        return self.predict_batch([audio])[0]

    def predict_batch(self, audios: Sequence[Audio]) -> list[Prediction]:
        """Predict several sounds of any lengths and rates; together is faster than one by one."""
        return self._predict(audios, n_threads=self.backend.n_threads)

    def embed(self, audios: Sequence[Audio]) -> NDArray[np.float32]:
        """Embeddings (B, E) of sounds, averaged over the windows of a long one."""
        pieces = [[self.prepared(piece) for piece in self.pieces(audio)] for audio in audios]
        embedding = self._run(list(itertools.chain(*pieces)), self.backend.n_threads).embedding
        ends = np.cumsum([len(group) for group in pieces])
        return np.stack([rows.mean(axis=0) for rows in np.split(embedding, ends[:-1])])

    def pieces(self, audio: Audio) -> list[Audio]:
        """What is heard at once: all of a sound, or windows of a long one, at the model's rate."""
        ready = to_rate(audio, self.sample_rate)
        if ready.duration_s <= LONGEST_S:
            return [ready]
        return list(windows(ready, length_s=WINDOW_S, hop_s=HOP_S))

    def prepared(self, piece: Audio) -> NDArray[np.float32]:
        """(N,) a piece prepared as the clips were that the model learned from."""
        if not self.model.prepare:
            return piece.signal
        # Most models ask for nothing, and need nothing imported for it.
        from serotone.audio.preprocess import PrepareConfig, prepare

        steps = PrepareConfig.parse(self.model.prepare, "prepare")
        return prepare(piece, steps, voice=self.voice).signal

    def predict_files(
        self, paths: Iterable[str | Path], *, batch_size: int = BATCH_SIZE
    ) -> Iterator[Prediction | Failure]:
        """Predict files in their order, ``batch_size`` in memory at a time.

        Threads read and hear their shares of a batch side by side. A file that cannot be read
        gives a ``Failure``, and the others go on.
        """
        n_threads = self.backend.n_threads
        size = -(-batch_size // (1 if n_threads == 1 else SHARES * n_threads))
        n_ahead = batch_size // size
        shares = chunked(paths, size)
        first = list(itertools.islice(shares, 2))
        # Of several shares each has a thread; one alone has them all.
        n_each = n_threads if min(n_ahead, len(first)) < 2 else 1
        hear = functools.partial(self._predict_share, n_threads=n_each)
        answers = over_threads(
            hear, itertools.chain(first, shares), n_threads=n_threads, n_ahead=n_ahead
        )
        yield from itertools.chain.from_iterable(answers)

    def predict_folder(self, folder: str | Path) -> Iterator[Prediction | Failure]:
        """Predict every recording below a folder, sorted by path."""
        return self.predict_files(find_files([folder]))

    def _predict_share(
        self, paths: Sequence[str | Path], *, n_threads: int
    ) -> list[Prediction | Failure]:
        heard: list[Audio | Failure] = []
        for path in paths:
            try:
                heard.append(read(path, sample_rate=self.sample_rate))
            except AudioError as error:
                heard.append(Failure(str(path), str(error)))
        audios = [item for item in heard if isinstance(item, Audio)]
        predictions = iter(self._predict(audios, n_threads=n_threads) if audios else [])
        return [item if isinstance(item, Failure) else next(predictions) for item in heard]

    def _predict(self, audios: Sequence[Audio], *, n_threads: int) -> list[Prediction]:
        ready = [to_rate(audio, self.sample_rate) for audio in audios]
        pieces = [[self.prepared(piece) for piece in self.pieces(audio)] for audio in ready]
        output, warnings = side_by_side(
            lambda: self._run(list(itertools.chain(*pieces)), n_threads),
            lambda: check_sounds(ready) if self.sound_check else [()] * len(ready),
            n_threads=n_threads if self.sound_check else 1,
        )
        predictions, start = [], 0
        for audio, group, warned in zip(ready, pieces, warnings, strict=True):
            rows = slice(start, start + len(group))
            start += len(group)
            predictions.append(
                self._to_prediction(
                    audio,
                    output.probabilities[rows].mean(axis=0),
                    float(output.intensity[rows].mean()),
                    warned,
                )
            )
        return predictions

    def _run(self, signals: Sequence[NDArray[np.float32]], n_threads: int) -> Output:
        # Like lengths together, so that little is computed on padding.
        order = sorted(range(len(signals)), key=lambda i: len(signals[i]))
        chunks = chunked(order, min(BATCH_SIZE, -(-len(order) // n_threads)))
        outputs = over_threads(
            lambda chunk: self.backend.run([signals[i] for i in chunk]),
            chunks,
            n_threads=n_threads,
            n_ahead=2 * n_threads,
        )
        back = np.argsort(order)
        return Output(*(np.concatenate(field)[back] for field in zip(*outputs, strict=True)))

    def _to_prediction(
        self,
        audio: Audio,
        probabilities: NDArray[np.float32],
        intensity: float,
        warnings: tuple[str, ...],
    ) -> Prediction:
        columns = [self.model.labels.index(label) for label in self.labels]
        kept = probabilities[columns].astype(np.float64)
        # Where all kept labels are ruled out, none is likelier than another.
        kept = kept / kept.sum() if kept.sum() > 0 else np.full(len(kept), 1 / len(kept))
        if NO_SPEECH in warnings:
            kept = TRUST_WITHOUT_SPEECH * kept + (1 - TRUST_WITHOUT_SPEECH) / len(kept)
        best = int(kept.argmax())
        confidence = float(kept[best])
        unsure = confidence < self.min_confidence or NO_SPEECH in warnings
        return Prediction(
            source=audio.source,
            start_s=audio.start_s,
            end_s=audio.end_s,
            probabilities=dict(zip(self.labels, kept.tolist(), strict=True)),
            label=UNCERTAIN if unsure else self.labels[best],
            confidence=confidence,
            intensity=intensity,
            warnings=warnings,
            label_set=self._set(kept, everything=NO_SPEECH in warnings),
        )

    def _set(self, probabilities: NDArray[np.float64], *, everything: bool) -> tuple[str, ...]:
        """The labels at or above the threshold, and the likeliest, in the order of likelihood."""
        if self.coverage is None:
            return ()
        threshold = 0.0 if everything else self.model.threshold(self.coverage)
        ranked = np.argsort(-probabilities, kind="stable")
        return tuple(
            self.labels[i] for i in ranked if i == ranked[0] or probabilities[i] >= threshold
        )
