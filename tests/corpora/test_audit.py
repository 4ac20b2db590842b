from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serotone.audio.io import read
from serotone.corpora import read as read_corpus
from serotone.corpora.as_published import RATE_HZ, claimed_copy
from serotone.corpora.audit import audit
from serotone.corpora.fingerprint import Fingerprint, fingerprint
from serotone.corpora.split import COPIES, fold, folds
from serotone.corpora.split_table import read_parts
from serotone.errors import AudioError, ConfigError, CorpusError
from serotone.types import PARTS, Audio, ClaimedSplit, Split, TextSplit, Utterance
from tests.corpora.test_fingerprint import RATE, noisy, voice


def clip(name: str, speaker: str = "", sentence: str = "", corpus: str = "c") -> Utterance:
    return Utterance(
        f"{corpus}/{name}",
        Path(f"{name}.wav"),
        corpus,
        speaker,
        "sad",
        sentence=sentence,
        speaker_known=bool(speaker),
    )


def kinds(report, severity: str) -> set[str]:
    return {f.kind for f in report.findings if f.severity == severity}


def ears(**sounds: np.ndarray) -> Callable[[Utterance], Fingerprint]:
    def listen(utterance: Utterance) -> Fingerprint:
        name = utterance.id.split("/")[1]
        if name not in sounds:
            raise AudioError(f"{utterance.path}: no such file, expected a recording.")
        return fingerprint(sounds[name], RATE)

    return listen


# By name


def test_a_split_without_a_leak_is_found_clean():
    sides = Split("s", (clip("1", "a"),), (clip("2", "b"),), (clip("3", "d"),))
    report = audit(sides)
    assert not report.leaks
    assert report.findings == ()
    assert report.verdict.startswith("s: no leak found")
    assert (report.by_file.n_copied, report.by_file.n) == (0, 1)
    assert report.by_ear is None


def test_a_shared_speaker_is_a_leak_and_a_shared_sentence_a_note():
    sides = ClaimedSplit(
        "s", (clip("1", "a", "x"),), (), (clip("2", "a", "x"), clip("3", "b", "y"))
    )
    report = audit(sides)
    assert report.leaks
    assert kinds(report, "leak") == {"speakers"}
    assert kinds(report, "note") == {"sentences"}
    assert report.findings[0].examples == ("a",)
    assert report.counts["test"].rows == 2
    assert report.counts["test"].speakers == 2


def test_speakers_shared_on_purpose_are_a_note():
    sides = TextSplit("text2:1", (clip("1", "a", "x"),), (), (clip("2", "a", "y"),))
    report = audit(sides)
    assert not report.leaks
    assert kinds(report, "note") == {"speakers"}


def test_the_same_sentence_in_two_corpora_is_two_sentences():
    sides = Split("s", (clip("1", "a", "x"),), (), (clip("2", "b", "x", corpus="d"),))
    assert audit(sides).findings == ()


def test_rows_made_of_one_file_are_copies():
    one = clip("1", "a")
    rows = [replace(one, id=f"{one.id}#{copy}") for copy in COPIES]
    report = audit(ClaimedSplit("s", tuple(rows[:3]), (), (rows[3], clip("2", "b"))))
    assert kinds(report, "leak") == {"speakers", "clips"}
    assert (report.by_file.n_copied, report.by_file.n) == (1, 2)
    assert report.counts["train"].rows == 3
    assert report.counts["train"].clips == 1


def test_a_link_to_a_file_is_that_file(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"sound")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    first, second = (Utterance(f"c/{n}", tmp_path / f"{n}.wav", "c", n, "sad") for n in ("a", "b"))
    assert kinds(audit(Split("s", (first,), (), (second,))), "leak") == {"clips"}


def test_two_stretches_of_one_file_are_two_clips():
    whole = clip("1", "a")
    first = replace(whole, id="c/1@0", end_s=2.0)
    second = replace(whole, id="c/1@2", speaker="b", start_s=2.0, end_s=4.0)
    assert not audit(Split("s", (first,), (), (second,))).leaks


def test_clips_that_count_as_a_speaker_each_are_noted():
    nameless = [replace(clip(name, name), speaker_known=False) for name in "12"]
    report = audit(Split("s", (nameless[0],), (), (nameless[1],)))
    assert not report.leaks
    assert kinds(report, "note") == {"unknown"}


def test_unknown_speakers_are_noted_and_not_taken_for_one():
    report = audit(ClaimedSplit("s", (clip("1"),), (), (clip("2"),)))
    assert not report.leaks
    assert kinds(report, "note") == {"unknown"}
    assert report.counts["train"].speakers == 0


# By ear


def test_equal_samples_under_another_name_are_a_leak():
    sides = Split("s", (clip("1", "a"), clip("2", "a")), (), (clip("3", "b"),))
    report = audit(sides, listen=ears(**{"1": voice(1), "2": voice(2), "3": voice(1)}))
    assert kinds(report, "leak") == {"identical"}
    assert [(c.first, c.second, c.sides) for c in report.copies] == [
        ("c/1", "c/3", ("train", "test"))
    ]
    assert report.by_ear is not None
    assert report.by_ear.value == 1.0
    assert report.by_file.value == 0.0


def test_altered_copies_are_a_leak_unless_they_are_not_looked_for():
    sides = Split("s", (clip("1", "a"),), (clip("2", "b"),), (clip("3", "d"), clip("4", "d")))
    listen = ears(
        **{"1": voice(1), "2": voice(2), "3": noisy(0.1 * voice(1)[8000:], 15), "4": voice(4)}
    )
    report = audit(sides, listen=listen, n_threads=2)
    assert kinds(report, "leak") == {"altered"}
    assert report.by_ear is not None
    assert (report.by_ear.n_copied, report.by_ear.n) == (1, 2)
    (copy,) = report.copies
    assert not copy.identical
    assert copy.change.startswith("begins 0.50 s later")
    assert not audit(sides, listen=listen, near=False).leaks


def test_equal_samples_on_one_side_are_a_note():
    sides = Split("s", (clip("1", "a"), clip("2", "a")), (), (clip("3", "b"),))
    report = audit(sides, listen=ears(**{"1": voice(1), "2": voice(1), "3": voice(3)}))
    assert not report.leaks
    assert kinds(report, "note") == {"repeated"}


def test_many_equal_files_are_not_paired_one_by_one():
    train = tuple(clip(f"t{i}", "a") for i in range(12))
    test = tuple(clip(f"u{i}", "b") for i in range(12))
    one = fingerprint(voice(1), RATE)
    report = audit(Split("s", train, (), test), listen=lambda _: one)
    assert len(report.copies) <= 24
    assert report.by_ear is not None
    assert report.by_ear.value == 1.0


def test_an_unreadable_file_is_listed_and_the_rest_is_heard():
    sides = Split("s", (clip("1", "a"),), (), (clip("gone", "b"), clip("3", "b")))
    report = audit(sides, listen=ears(**{"1": voice(1), "3": voice(1)}))
    assert [f.source for f in report.unreadable] == ["gone.wav"]
    assert kinds(report, "leak") == {"identical"}
    assert report.n_heard == 2


def test_without_a_leak_unreadable_files_still_spoil_the_verdict():
    sides = Split("s", (clip("1", "a"),), (), (clip("gone", "b"),))
    report = audit(sides, listen=ears(**{"1": voice(1)}))
    assert not report.leaks
    assert "could not be read" in report.verdict


def test_a_sample_keeps_all_rows_of_a_clip():
    rows = [replace(clip(str(i), "a"), id=f"c/{i}#{c}") for i in range(6) for c in COPIES]
    heard: list[str] = []

    def listen(utterance: Utterance) -> Fingerprint:
        heard.append(utterance.id)
        return fingerprint(voice(1), RATE)

    sides = ClaimedSplit("s", tuple(rows[::2]), (), tuple(rows[1::2]))
    report = audit(sides, listen=listen, near=False, sample=2)
    assert report.n_heard == 8
    assert report.n_rows == 24
    assert len({name.partition("#")[0] for name in heard}) == 2
    assert "8 of 24" in "\n".join(report.share_lines())


def test_where_dev_is_test_that_is_said_and_copies_in_train_still_count():
    dev = (clip("2", "b"),)
    report = audit(
        ClaimedSplit("s", (clip("1", "a"),), dev, dev),
        listen=ears(**{"1": voice(1), "2": noisy(voice(1), 15)}),
    )
    assert {f.sides for f in report.findings if f.kind == "clips"} == {("dev", "test")}
    assert [c.sides for c in report.copies] == [("train", "test")]


def test_the_report_is_json_and_a_page():
    sides = Split("s", (clip("1", "a"),), (), (clip("2", "b"), clip("gone", "b")))
    report = audit(sides, listen=ears(**{"1": voice(1), "2": noisy(voice(1), 15)}))
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["leaks"] is True
    assert found["counts"]["test"] == {"rows": 2, "clips": 2, "speakers": 1}
    assert found["test_rows_with_a_copy_in_train"]["by_ear"]["share"] == 1.0
    assert found["copies"][0]["first"] == "c/1"
    assert found["unreadable"][0]["path"] == "gone.wav"
    page = report.to_markdown()
    for part in ("s leaks: altered", "| test | 2 | 2 | 1 |", "`c/1`", "gone.wav: no such file"):
        assert part in page


# Tables


def table(folder: Path, text: str) -> Path:
    path = folder / "split.csv"
    path.write_text("path,label,speaker,part\n" + text, encoding="utf-8")
    return path


def test_a_table_says_the_sides(tmp_path):
    sides = read_parts(table(tmp_path, "a.wav,Joy,s1,Train\nb.wav,sad,s2,val\nc.wav,sad,,test\n"))
    assert [len(sides.part(p)) for p in ("train", "dev", "test")] == [1, 1, 1]
    assert sides.train[0].label == "happy"
    assert sides.train[0].path == tmp_path / "a.wav"
    assert sides.test[0].speaker == ""
    assert sides.protocol == "claimed"


def test_one_path_on_two_sides_of_a_table_is_found(tmp_path):
    sides = read_parts(table(tmp_path, "a.wav,sad,,train\na.wav,sad,,test\n"))
    assert kinds(audit(sides), "leak") == {"clips"}
    again = read_parts(table(tmp_path, "a.wav,sad,,train\n./a.wav,sad,,test\n"))
    assert kinds(audit(again), "leak") == {"clips"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.wav,sad,s,trian\n", "row 2: got part 'trian'. Did you mean 'train'?"),
        (",sad,s,train\n", "row 2: got no path"),
        ("a.wav,sad,s,train\n", "got only 'train'"),
        ("", "got no row"),
    ],
)
def test_a_table_that_says_no_split_is_refused(tmp_path, text, message):
    with pytest.raises(CorpusError, match=message.replace("?", r"\?")):
        read_parts(table(tmp_path, text))


# The claimed protocol


def test_the_four_copies_are_as_the_protocol_makes_them():
    pytest.importorskip("librosa")
    audio = Audio(voice(1, duration_s=4, rate=RATE_HZ), RATE_HZ)
    clean, noise, pitch, both = (claimed_copy(audio, c, seed="x") for c in COPIES)
    start = int(0.6 * RATE_HZ)
    np.testing.assert_array_equal(clean.signal, audio.signal[start : start + int(2.5 * RATE_HZ)])
    added = noise.signal - clean.signal
    assert 0 < added.std() <= 0.036 * np.abs(clean.signal).max()
    assert len(pitch.signal) == len(both.signal) == len(clean.signal)
    again = claimed_copy(audio, "noise", seed="x")
    np.testing.assert_array_equal(again.signal, noise.signal)
    assert not np.array_equal(claimed_copy(audio, "noise", seed="y").signal, noise.signal)


def test_a_copy_that_is_not_of_the_protocol_is_refused():
    audio = Audio(voice(1, rate=RATE_HZ), RATE_HZ)
    with pytest.raises(ConfigError, match="unknown copy 'nois'"):
        claimed_copy(audio, "nois", seed="x")
    with pytest.raises(ConfigError, match="got 16000 Hz"):
        claimed_copy(Audio(voice(1), RATE), "clean", seed="x")


@pytest.mark.corpora
def test_the_claimed_protocol_has_almost_every_test_row_in_train(corpora_root):
    reading = read_corpus("ravdess", corpora_root / "ravdess")
    report = audit(fold(reading, "claimed"))
    assert report.n_rows == 4 * 1440
    assert report.by_file.n == 1152
    # A row is alone where its three siblings are all in test: 1 - 0.2^3.
    assert report.by_file.value == pytest.approx(0.992, abs=0.01)


@pytest.mark.corpora
def test_the_copies_of_the_claimed_protocol_are_heard(corpora_root):
    pytest.importorskip("librosa")

    def listen(utterance: Utterance) -> Fingerprint:
        audio = read(utterance.path, sample_rate=RATE_HZ)
        row = claimed_copy(audio, utterance.id.partition("#")[2], seed=utterance.id)
        return fingerprint(row.signal, row.sample_rate)

    sides = fold(read_corpus("ravdess", corpora_root / "ravdess"), "claimed")
    report = audit(sides, listen=listen, sample=16)
    assert report.by_ear is not None
    assert report.n_heard == 64
    assert report.by_ear.value >= 0.9
    assert {"clips", "speakers", "altered"} <= kinds(report, "leak")
    assert all(c.first.partition("#")[0] == c.second.partition("#")[0] for c in report.copies)


@pytest.mark.corpora
@pytest.mark.parametrize(("corpus", "split"), [("ravdess", "luna5"), ("ravdess", "emobox6")])
def test_no_name_leaks_from_our_splits(corpora_root, corpus, split):
    reading = read_corpus(corpus, corpora_root / corpus)
    for sides in folds(reading, split):
        report = audit(sides)
        assert not report.leaks
        assert report.by_file.value == 0
        assert kinds(report, "note") == {"sentences"}


@pytest.mark.corpora
def test_nothing_is_heard_on_two_sides_of_our_split(corpora_root):
    reading = read_corpus("ravdess", corpora_root / "ravdess")
    wanted = {"ravdess-02", "ravdess-03", "ravdess-07"}
    whole = fold(reading, "luna5:1")
    sides = Split(
        whole.name, *(tuple(u for u in whole.part(p) if u.speaker in wanted) for p in PARTS)
    )

    def listen(utterance: Utterance) -> Fingerprint:
        audio = read(utterance.path)
        return fingerprint(audio.signal, audio.sample_rate)

    report = audit(sides, listen=listen)
    assert report.n_heard == 180
    assert not report.leaks
    assert report.by_ear is not None
    assert report.by_ear.value == 0
    assert [f.message for f in report.findings if f.kind == "repeated"] == [
        "1 clip(s) more than once within train, under other names."
    ]


def test_sounds_of_a_table_are_found_beside_it(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        soundfile.write(tmp_path / f"{name}.wav", voice(seed), RATE)
    sides = read_parts(
        table(tmp_path, "a.wav,sad,s1,train\nb.wav,sad,s2,test\nc.wav,sad,s3,test\n")
    )

    def listen(utterance: Utterance) -> Fingerprint:
        audio = read(utterance.path)
        return fingerprint(audio.signal, audio.sample_rate)

    assert kinds(audit(sides, listen=listen), "leak") == {"identical"}
