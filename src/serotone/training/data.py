"""Clips as tensors: read once, prepared, altered copies beside them, features kept."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from serotone.audio.io import read
from serotone.audio.preprocess import PrepareConfig, prepare
from serotone.audio.speaker_normalisation import Voice, voice_of
from serotone.effects.waveform import Alterations, as_row
from serotone.errors import AudioError, CorpusError
from serotone.models.base import EmotionModel
from serotone.training.feature_cache import Kept, Made
from serotone.training.recipe import Recipe
from serotone.types import Audio, Failure, Utterance


@dataclass(frozen=True)
class Clips:
    """Features and truth of one side of a split, a row each.

    Attributes:
        ids: the utterance of each row; a stored copy's row has its clip's.
        speakers, corpora: of each row.
        features: one (T, F) tensor a row, float32 or float16.
        copies: of each row, the altered copies that an epoch may show in its place.
        labels: int64 (M,).
        allowed: bool (M, C).
        intensity: float32 (M,), NaN where unknown.
        votes: float32 (M, C), what share of its raters heard which label, summing to 1; zeros for
            a row without raters, None where no row has any.
        opinions: float32 (M, C), what teachers say of each row, None without any.
    """

    ids: tuple[str, ...]
    speakers: tuple[str, ...]
    corpora: tuple[str, ...]
    features: list[Tensor]
    copies: list[list[Tensor]]
    labels: Tensor
    allowed: Tensor
    intensity: Tensor
    votes: Tensor | None = None
    opinions: Tensor | None = None

    def __len__(self) -> int:
        return len(self.features)

    def some(self, n: int) -> Clips:
        """At most ``n`` rows, evenly spaced, without their copies."""
        rows = torch.linspace(0, len(self) - 1, min(n, len(self))).round().long()
        places = rows.tolist()
        return Clips(
            ids=tuple(self.ids[i] for i in places),
            speakers=tuple(self.speakers[i] for i in places),
            corpora=tuple(self.corpora[i] for i in places),
            features=[self.features[i] for i in places],
            copies=[[] for _ in places],
            labels=self.labels[rows],
            allowed=self.allowed[rows],
            intensity=self.intensity[rows],
            votes=None if self.votes is None else self.votes[rows],
            opinions=None if self.opinions is None else self.opinions[rows],
        )

    def every(self) -> Iterator[Tensor]:
        """Float32 features of every row and every copy."""
        for features, copies in zip(self.features, self.copies, strict=True):
            yield features.float()
            yield from (copy.float() for copy in copies)


def load_side(
    side: Sequence[Utterance],
    recipe: Recipe,
    model: EmotionModel,
    *,
    altered: bool,
    kept: Kept | None = None,
    on_clip: Callable[[], None] = lambda: None,
) -> Clips:
    """Clips as the recipe prepares them, ``altered`` with the copies it makes.

    What ``kept`` has of them is not read again.

    Raises:
        CorpusError: when the side has no clip with a label of the recipe.
        AudioError: when a clip cannot be read.
    """
    waveform = recipe.waveform
    altering = altered and (waveform.copies or waveform.fixed)
    return load_clips(
        side,
        model,
        labels=recipe.data.labels,
        preparation=recipe.prepare,
        alterations=Alterations(waveform, seed=recipe.seed) if altering else None,
        mask_absent=recipe.data.mask_absent,
        half=recipe.data.storage == "float16",
        made=kept.of(recipe) if kept else None,
        on_clip=on_clip,
    )


def load_clips(
    utterances: Sequence[Utterance],
    model: EmotionModel,
    *,
    labels: Sequence[str],
    preparation: PrepareConfig | None = None,
    alterations: Alterations | None = None,
    mask_absent: bool = True,
    half: bool = False,
    made: Made | None = None,
    on_clip: Callable[[], None] = lambda: None,
) -> Clips:
    """Read the sound and compute the model's features, which have no learned state.

    Args:
        utterances: of one side.
        model: whose features.
        labels: of the model; utterances with another are left out.
        preparation: what happens to each sound, altered or not, before the features.
        alterations: that make copies; None for none. What they make stays with its clip.
        mask_absent: allow a clip only the labels that its corpus has here.
        half: keep features as float16.
        made: what was made before in the same way; what is made now is added.
        on_clip: called for every clip read.

    Raises:
        CorpusError: when there is no clip with one of the labels.
        AudioError: when a clip cannot be read.
    """
    known = [u for u in utterances if u.label in labels]
    if not known:
        raise CorpusError(
            f"got {len(utterances)} clips and none with a label of {', '.join(labels)}. "
            "Check the corpus folder and the recipe's labels."
        )
    steps = PrepareConfig() if preparation is None else preparation
    dtype = torch.float16 if half else torch.float32
    rows: list[Utterance] = []
    features: list[Tensor] = []
    copies: list[list[Tensor]] = []
    voices = _voices(known, model.sample_rate) if steps.equalise_speaker else {}
    made = {} if made is None else made
    n_heard = 1 + (alterations.n_copies if alterations else 0)
    draw = alterations is not None and alterations.config.draw
    for utterance in known:
        key = (utterance.id, utterance.path)
        of_clip = made.get(key, [])[:n_heard]
        if len(of_clip) < n_heard:
            sound = read_utterance(utterance, model.sample_rate)
            altered = alterations.copies(sound, utterance.id) if alterations else []
            voice = voices.get(utterance.speaker)
            of_clip = made[key] = [
                features_of(prepare(heard, steps, voice=voice), model).to(dtype)
                for heard in (sound, *altered)
            ]
        n_rows = 1 if draw else n_heard
        rows += [utterance] * n_rows
        features += of_clip[:n_rows]
        copies += [of_clip[1:]] if draw else [[] for _ in of_clip]
        on_clip()
    clips = _clips(rows, features, copies, labels)
    if not mask_absent:
        return replace(clips, allowed=torch.ones_like(clips.allowed))
    return clips


def _clips(
    rows: Sequence[Utterance],
    features: list[Tensor],
    copies: list[list[Tensor]],
    labels: Sequence[str],
) -> Clips:
    truth = torch.tensor([labels.index(u.label) for u in rows if u.label is not None])
    allowed = _allowed(rows, truth, len(labels))
    return Clips(
        ids=tuple(u.id for u in rows),
        speakers=tuple(u.speaker for u in rows),
        corpora=tuple(u.corpus.removesuffix("-truncated") for u in rows),
        features=features,
        copies=copies,
        labels=truth,
        allowed=allowed,
        intensity=torch.tensor([u.intensity for u in rows], dtype=torch.float32),
        votes=_votes(rows, labels, allowed),
    )


def _votes(rows: Sequence[Utterance], labels: Sequence[str], allowed: Tensor) -> Tensor | None:
    """Votes for the labels that each row may have; those for others say nothing."""
    if not any(u.votes for u in rows):
        return None
    votes = torch.tensor([[u.votes.get(label, 0.0) for label in labels] for u in rows]) * allowed
    n_votes = votes.sum(dim=1, keepdim=True)
    return torch.where(n_votes > 0, votes / n_votes, 0.0)


def readable(
    utterances: Sequence[Utterance], *, on_clip: Callable[[], None] = lambda: None
) -> tuple[list[Utterance], list[Failure]]:
    """Utterances that can be read, and why the others cannot.

    All are decoded once, so that a damaged file is known before hours of training.

    Args:
        utterances: in any order, which is kept.
        on_clip: called for every one.
    """

    def failure(utterance: Utterance) -> Failure | None:
        try:
            read_utterance(utterance, None)
        except AudioError as error:
            return Failure(str(utterance.path), str(error))
        return None

    good: list[Utterance] = []
    failures: list[Failure] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for utterance, failed in zip(utterances, pool.map(failure, utterances), strict=True):
            on_clip()
            if failed is None:
                good.append(utterance)
            else:
                failures.append(failed)
    return good, failures


def read_utterance(utterance: Utterance, sample_rate: int | None) -> Audio:
    """The sound of an utterance, cut to its place in the file; a copy's row is that copy.

    At the file's own rate where ``sample_rate`` is None.

    Raises:
        AudioError: when it cannot be read, or nothing is left of it.
    """
    whole = read(utterance.path, sample_rate=sample_rate)
    if utterance.start_s > 0 or not math.isnan(utterance.end_s):
        rate = whole.sample_rate
        start = round(utterance.start_s * rate)
        end = None if math.isnan(utterance.end_s) else round(utterance.end_s * rate)
        whole = Audio(whole.signal[start:end], rate, str(utterance.path), utterance.start_s)
    return as_row(whole, utterance_id=utterance.id, path=utterance.path)


def _voices(utterances: Sequence[Utterance], sample_rate: int) -> dict[str, Voice]:
    """The voice of each speaker, of all their clips on this side."""
    by_speaker: defaultdict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        by_speaker[utterance.speaker].append(utterance)
    return {
        speaker: voice_of(read_utterance(u, sample_rate) for u in theirs)
        for speaker, theirs in by_speaker.items()
    }


def features_of(sound: Audio, model: EmotionModel) -> Tensor:
    """The model's (T, F) features of one sound at its sample rate."""
    with torch.no_grad():
        signal = torch.from_numpy(sound.signal)[None]
        features, _ = model.features(signal, torch.tensor([signal.shape[1]]))
    return features[0]


def _allowed(utterances: Sequence[Utterance], labels: Tensor, n_classes: int) -> Tensor:
    corpora = sorted({u.corpus for u in utterances})
    row = torch.tensor([corpora.index(u.corpus) for u in utterances])
    seen = torch.zeros(len(corpora), n_classes, dtype=torch.bool)
    seen[row, labels] = True
    return seen[row]
