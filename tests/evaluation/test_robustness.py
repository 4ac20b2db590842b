"""Conditions are the same every time; a measurement is paired, kept and read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serotone.audio.io import write as write_audio
from serotone.errors import ConfigError
from serotone.evaluation import robustness
from serotone.evaluation.conditions import Condition, conditions, noise_kinds
from serotone.evaluation.evaluate import evaluate
from serotone.evaluation.report import losses_rows, to_markdown
from serotone.types import Audio, Prediction
from tests.evaluation.fakes import FakeRecognizer, clip

RATE = 16_000
BUZZ = np.tile(np.array([0.3, -0.3], np.float32), RATE // 2)
GENERATED = ("telephone", "mp3", "opus", "louder", "quieter", "clipped", "short")


def noise(seed: int, n: int = RATE) -> Audio:
    signal = 0.1 * np.random.default_rng(seed).standard_normal(n)
    return Audio(signal.astype(np.float32), RATE)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for seed, name in enumerate(("rain/1", "helicopter/1", "helicopter/2")):
        path = tmp_path / "noise" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, noise(seed))
    (tmp_path / "rooms").mkdir()
    for room in ("hall", "medium_room"):
        write_audio(tmp_path / "rooms" / f"{room}.wav", noise(9, 800))
    return tmp_path / "noise", tmp_path / "rooms"


def test_conditions_are_named_and_noise_is_of_kinds_held_out(folders) -> None:
    noise_folder, rooms = folders
    found = conditions(noise=noise_folder, rooms=rooms)
    noisy = [f"noise-{snr}db" for snr in (20, 10, 5, 0)]
    assert [c.name for c in found] == [*noisy, "room-hall", "room-medium_room", *GENERATED]
    assert noise_kinds(noise_folder) == ["helicopter"]
    titles = {c.name: c.title for c in found}
    assert titles["room-hall"] == "hall"
    assert titles["room-medium_room"] == "medium room (open to training)"
    assert [c.name for c in conditions()] == list(GENERATED)


def test_a_clip_is_altered_the_same_every_time_and_clips_differ(folders) -> None:
    noise_folder, _ = folders
    sound = noise(5, 3 * RATE)

    def altered(clip: str, seed: int = 0) -> np.ndarray:
        return conditions(noise=noise_folder, seed=seed)[1].alter(sound, clip).signal

    np.testing.assert_array_equal(altered("toy/1"), altered("toy/1"))
    assert not np.array_equal(altered("toy/1"), altered("toy/2"))
    assert not np.array_equal(altered("toy/1"), altered("toy/1", seed=1))


@pytest.mark.parametrize("option", ["noise", "rooms"])
def test_a_folder_without_anything_fitting_is_refused(tmp_path: Path, option: str) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match=f"--{option}"):
            conditions(**{option: folder})


class LoudRecognizer(FakeRecognizer):
    """Is right about loud sound, and says sad to all else."""

    def predict_audio(self, audio: Audio) -> Prediction:
        heard = Path(audio.source).stem.split("-")[1] if np.abs(audio.signal).max() > 0.2 else "sad"
        return self._prediction(heard, audio.source)


@pytest.fixture
def spoken(tmp_path: Path):
    rows = []
    for speaker in range(4):
        for truth in ("happy", "sad"):
            row = clip(speaker, truth, truth, n=len(rows))
            path = tmp_path / row.path
            write_audio(path, Audio(BUZZ, RATE))
            rows.append(type(row)(row.id, path, "toy", row.speaker, truth))
    return rows


def test_the_difference_is_paired_and_everything_is_kept(spoken, tmp_path: Path) -> None:
    recognizer = LoudRecognizer()
    clean = evaluate(recognizer, spoken, corpus="toy")
    assert clean.uar == 1
    told: list[tuple[int, int, str]] = []
    chosen = [c for c in conditions() if c.name in ("louder", "quieter")]
    losses = robustness.measure(
        recognizer, spoken, clean, chosen, corpus="toy", tell=lambda *at: told.append(at)
    )
    louder, quieter = losses
    assert told == [(0, 2, "louder"), (1, 2, "quieter")]
    assert louder.difference.value == 0
    assert quieter.evaluation.uar == 0.5
    assert quieter.difference.value == pytest.approx(-0.5)
    assert quieter.difference.interval.high <= -0.5 + 1e-9
    values = robustness.to_dict(clean, losses, ["helicopter"])
    path = robustness.write(values, tmp_path / "results" / robustness.FOLDER / "a.json")
    assert robustness.read_all(tmp_path / "results") == [values]
    assert losses_rows(values)[2][:4] == ("−12 dB", "50.0 %", "[50.0, 50.0]", "50.0")
    assert "## Robustness" in to_markdown(clean, values)
    path.write_text("{}")
    with pytest.raises(ConfigError, match="not a measurement"):
        robustness.read_all(tmp_path / "results")


def test_each_clip_is_altered_by_its_own_id(spoken) -> None:
    heard: list[str] = []

    def alter(sound: Audio, name: str) -> Audio:
        heard.append(name)
        return sound

    clean = evaluate(LoudRecognizer(), spoken, corpus="toy")
    condition = Condition("as-is", "as it is", alter)
    (loss,) = robustness.measure(LoudRecognizer(), spoken, clean, [condition], corpus="toy")
    assert heard == [row.id for row in spoken]
    assert loss.difference.value == 0
