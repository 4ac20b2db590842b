"""Copies stay with their clip, on its side; a recipe's preparation is what the model hears."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serotone.audio.preprocess import PrepareConfig, prepare
from serotone.audio.speaker_normalisation import voice_of
from serotone.config import override
from serotone.corpora.split import fold
from serotone.effects import AugmentConfig
from serotone.effects.waveform import Alterations, WaveformConfig
from serotone.models.base import EmotionModel
from serotone.store.card import card
from serotone.training.batches import TrainingBatches
from serotone.training.data import load_clips, load_side, read_utterance, readable
from serotone.training.feature_cache import Kept
from serotone.training.recipe import Recipe
from serotone.training.save_model import describe_run
from serotone.training.train import Trained
from serotone.types import Utterance


def square(amplitude: float) -> np.ndarray:
    """400 samples of a square wave."""
    return amplitude * np.tile(np.repeat([1.0, -1.0], 20), 10)


class Heard(EmotionModel):
    """Its features are the samples themselves."""

    sample_rate = 8000

    def features(
        self, waveforms: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return waveforms[..., None], lengths


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Utterance]:
    """Six speakers, two clips each; a clip's samples all have a magnitude of its own."""
    root = tmp_path_factory.mktemp("corpus")
    found = []
    for i in range(12):
        path = root / f"{i}.wav"
        soundfile.write(path, square(0.05 * (i + 1)), 8000, subtype="FLOAT")
        label = ("happy", "sad")[i % 2]
        found.append(Utterance(f"x/{i}", path, "x", f"speaker-{i // 2}", label))
    return found


def level(features: torch.Tensor) -> int:
    """The number of the clip that these samples are of, however loud the copy."""
    return round(float(features.abs().median()) / 0.05) - 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(copies=st.integers(0, 3), draw=st.booleans(), number=st.integers(1, 3), data=st.data())
def test_a_copy_never_leaves_the_side_of_its_clip(
    corpus: list[Utterance], copies: int, draw: bool, number: int, data: Any
) -> None:
    seed = data.draw(st.integers(0, 50))
    recipe = Recipe.parse(
        {
            "name": "x",
            "seed": seed,
            "data": {"corpora": ["x"], "labels": ["happy", "sad"]},
            "waveform": {"copies": copies, "draw": draw, "gaussian_noise": 0.001, "chance": 1.0},
        }
    )
    split = fold(corpus, f"kfold3:{number}", seed=seed)
    train = load_side(split.train, recipe, Heard(), altered=True)
    dev = load_side(split.dev, recipe, Heard(), altered=False)
    sides = {"train": {u.id for u in split.train}, "dev": {u.id for u in split.dev}}
    assert set(train.ids) == sides["train"]
    assert set(dev.ids) == sides["dev"]
    assert all(not extra for extra in dev.copies)
    assert len(dev) == len(split.dev)
    for clips in (train, dev):
        for i, row in enumerate(clips.ids):
            heard = [level(f) for f in (clips.features[i], *clips.copies[i])]
            assert set(heard) == {int(row.partition("/")[2])}
    per_clip = len(train) + sum(len(extra) for extra in train.copies)
    assert per_clip == len(split.train) * (1 + copies)


def load(corpus: list[Utterance], **waveform: Any) -> Any:
    config = WaveformConfig(copies=2, chance=1.0, gaussian_noise=0.001, **waveform)
    alterations = Alterations(config, seed=3)
    return load_clips(corpus, Heard(), labels=["happy", "sad"], alterations=alterations)


def test_stored_copies_are_rows_and_drawn_ones_are_not(corpus: list[Utterance]) -> None:
    stored, drawn = load(corpus, draw=False), load(corpus, draw=True)
    assert (len(stored), len(drawn)) == (36, 12)
    assert stored.ids[:4] == ("x/0", "x/0", "x/0", "x/1")
    assert stored.labels[:4].tolist() == [0, 0, 0, 1]
    for i in range(12):
        together = stored.features[3 * i : 3 * i + 3]
        assert all(
            torch.equal(a, b)
            for a, b in zip(together, (drawn.features[i], *drawn.copies[i]), strict=True)
        )


def test_an_epoch_draws_the_clip_and_its_copies_alike(corpus: list[Utterance]) -> None:
    clips = load(corpus, draw=True)
    batches = TrainingBatches(
        clips,
        augment=AugmentConfig(),
        batch_size=4,
        max_frames=400,
        label_smoothing=0.0,
        seed=0,
    )
    counts = [0, 0, 0]
    for epoch in range(100):
        batches.epoch = epoch
        for batch in batches:
            for heard in batch.features:
                i = level(heard)
                variants = (clips.features[i], *clips.copies[i])
                counts[[torch.equal(heard, v) for v in variants].index(True)] += 1
    assert sum(counts) == 1200
    assert all(320 < n < 480 for n in counts)


def test_half_precision_is_for_keeping_only(corpus: list[Utterance]) -> None:
    clips = load_clips(corpus, Heard(), labels=["happy", "sad"], half=True)
    assert clips.features[0].dtype == torch.float16
    assert all(f.dtype == torch.float32 for f in clips.every())
    batches = TrainingBatches(
        clips,
        augment=AugmentConfig(),
        batch_size=4,
        max_frames=400,
        label_smoothing=0.0,
        seed=0,
    )
    assert next(iter(batches)).features.dtype == torch.float32


@pytest.mark.parametrize("mask", [True, False])
def test_labels_that_a_corpus_lacks_are_masked_on_request(
    corpus: list[Utterance], mask: bool
) -> None:
    other = [dataclasses.replace(u, corpus="y") for u in corpus if u.label == "sad"]
    clips = load_clips([*corpus, *other], Heard(), labels=["happy", "sad"], mask_absent=mask)
    assert clips.allowed[:12].all()
    assert clips.allowed[12:].tolist() == [[not mask, True]] * 6


def test_preparation_comes_before_the_features(corpus: list[Utterance]) -> None:
    steps = PrepareConfig(normalise="peak")
    clips = load_clips(corpus, Heard(), labels=["happy", "sad"], preparation=steps)
    peaks = [float(f.max()) for f in clips.features]
    assert peaks == pytest.approx([10 ** (-1 / 20)] * 12)


def test_a_speakers_clips_of_one_side_share_their_voice(corpus: list[Utterance]) -> None:
    steps = PrepareConfig(equalise_speaker=True)
    side = corpus[:4]  # two speakers, two clips each
    clips = load_clips(side, Heard(), labels=["happy", "sad"], preparation=steps)
    for first in (0, 2):
        theirs = [read_utterance(u, 8000) for u in side[first : first + 2]]
        voice = voice_of(theirs)
        for sound, features in zip(theirs, clips.features[first : first + 2], strict=True):
            expected = prepare(sound, steps, voice=voice).signal
            np.testing.assert_array_equal(features[:, 0].numpy(), expected)


def test_rows_of_the_claimed_split_are_the_copies_that_their_ids_name(
    corpus: list[Utterance],
) -> None:
    split = fold(corpus, "claimed")
    assert len(split.train) + len(split.test) == 48
    heard = {u.id: read_utterance(u, 8000).signal for u in split.part("all")}
    clean = read_utterance(corpus[3], 8000).signal
    np.testing.assert_array_equal(heard["x/3#clean"], clean)
    assert 0 < np.abs(heard["x/3#noise"] - clean).max() < 0.035 * clean.max() * 5
    assert not np.array_equal(heard["x/3#pitch"], clean)
    assert not np.array_equal(heard["x/3#pitch+noise"], heard["x/3#pitch"])
    again = dataclasses.replace(corpus[3], id="x/3#noise")
    np.testing.assert_array_equal(read_utterance(again, 8000).signal, heard["x/3#noise"])


def test_a_file_may_be_called_like_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "bark#noise.wav"
    soundfile.write(path, square(0.25), 8000, subtype="FLOAT")
    row = Utterance("folder/sad/bark#noise", path, "folder", "s", "sad")
    assert set(read_utterance(row, 8000).signal.tolist()) == {0.25, -0.25}


def test_a_model_counts_clips_and_not_their_copies(corpus: list[Utterance]) -> None:
    recipe = Recipe.parse({"name": "x", "data": {"corpora": ["x"], "labels": ["happy", "sad"]}})
    trained = Trained(Heard(), temperature=1.0, dev={}, epoch=0, train_s=0.0)
    described = describe_run(trained, recipe, fold(corpus, "claimed"))
    assert described["provenance"]["corpora"][0]["n_clips"] == 12
    text = card({"name": "x", **described})
    assert "took no part" not in text
    assert "nothing of new speakers" in text


def test_a_model_of_unknown_speakers_is_not_called_honest(corpus: list[Utterance]) -> None:
    recipe = Recipe.parse({"name": "x", "data": {"corpora": ["x"], "labels": ["happy", "sad"]}})
    trained = Trained(Heard(), temperature=1.0, dev={}, epoch=0, train_s=0.0)
    known = describe_run(trained, recipe, fold(corpus, "kfold3:1"))
    assert known["provenance"]["protocol"] == "honest"
    nameless = [dataclasses.replace(u, speaker_known=False) for u in corpus]
    unknown = describe_run(trained, recipe, fold(nameless, "kfold3:1"))
    assert unknown["provenance"]["protocol"] == "unverified"
    assert "may be on every side" in card({"name": "x", **unknown})


def test_what_one_fold_has_read_the_next_does_not_read_again(tmp_path: Path) -> None:
    rows = []
    for i in range(4):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, square(0.05 * (i + 1)), 8000, subtype="FLOAT")
        rows.append(Utterance(f"x/{i}", path, "x", f"s{i}", ("happy", "sad")[i % 2]))
    first = Recipe.parse(
        {
            "name": "x",
            "data": {"corpora": ["x"], "labels": ["happy", "sad"]},
            "waveform": {"copies": 2, "gaussian_noise": 0.01, "chance": 1.0},
        }
    )
    kept = Kept()
    alone = load_side(rows, first, Heard(), altered=True)
    load_side(rows[:2], first, Heard(), altered=False, kept=kept)
    load_side(rows, first, Heard(), altered=True, kept=kept)
    for row in rows:
        row.path.unlink()
    again = load_side(rows, first, Heard(), altered=True, kept=kept)
    assert [len(copies) for copies in again.copies] == [2, 2, 2, 2]
    for one, other in zip(alone.every(), again.every(), strict=True):
        assert torch.equal(one, other)
    dev = load_side(rows[2:], first, Heard(), altered=False, kept=kept)
    assert dev.copies == [[], []]
    assert torch.equal(dev.features[0], alone.features[2])


@pytest.mark.parametrize(
    "assignment",
    [
        "seed=1",
        "prepare.normalise=peak",
        "waveform.copies=1",
        "data.storage=float16",
        "model=ecapa_logmel",
        "architecture.front_end=pcen",
        "prepare.equalise_speaker=true",
    ],
)
def test_clips_that_are_to_be_heard_otherwise_are_read_again(assignment: str) -> None:
    values = {"name": "x", "data": {"corpora": ["x"]}, "waveform": {"copies": 2, "stretch": 0.1}}
    first, other = Recipe.parse(values), Recipe.parse(override(values, [assignment]))
    kept = Kept()
    kept.of(first)["x/0", Path("0.wav")] = []
    assert ("x/0", Path("0.wav")) in kept.of(
        Recipe.parse(override(values, ["name=y", "data.split=loso:2"]))
    )
    assert kept.of(other) == {}


def test_votes_count_for_the_labels_that_a_clip_may_have(corpus: list[Utterance]) -> None:
    assert load_clips(corpus, Heard(), labels=["happy", "sad"]).votes is None
    heard = [{"happy": 0.3, "sad": 0.1, "angry": 0.6}, {"angry": 1.0}, {}]
    rows = [dataclasses.replace(u, votes=v) for u, v in zip(corpus[:3], heard, strict=True)]
    votes = load_clips(rows, Heard(), labels=["happy", "sad"]).votes
    assert votes is not None
    torch.testing.assert_close(votes, torch.tensor([[0.75, 0.25], [0.0, 0.0], [0.0, 0.0]]))


def test_clips_that_cannot_be_read_are_known_beforehand(
    corpus: list[Utterance], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    behind_the_end = dataclasses.replace(corpus[0], id="x/behind", start_s=9.0)
    lost = [Utterance("x/broken", broken, "x", "speaker-0", "happy"), behind_the_end]
    seen: list[None] = []
    good, failures = readable(
        [corpus[3], lost[0], corpus[1], lost[1]], on_clip=lambda: seen.append(None)
    )
    assert good == [corpus[3], corpus[1]]
    assert [f.source for f in failures] == [str(broken), str(corpus[0].path)]
    assert "not a recording" in failures[0].error and "at least one sample" in failures[1].error
    assert len(seen) == 4
