"""``serotone corpus`` from its words to its exit status."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from serotone.cli import main
from serotone.corpora import CORPORA, CorpusInfo, Source
from tests.corpora import trees
from tests.corpora.test_download import zipped
from tests.corpora.web import serve

RAVDESS_NAMES = [
    f"Actor_{actor:02d}/03-01-{emotion:02d}-{intensity}-{sentence}-{repetition}-{actor:02d}"
    for actor in range(1, 25)
    for emotion in range(1, 9)
    for intensity in (("01",) if emotion == 1 else ("01", "02"))
    for sentence in ("01", "02")
    for repetition in ("01", "02")
]


@pytest.fixture
def ravdess(tmp_path):
    """RAVDESS in full, each clip a hundredth of a second."""
    clip = trees.sound(tmp_path / "clip.wav").read_bytes()
    for name in RAVDESS_NAMES:
        path = tmp_path / "ravdess" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clip)
    return tmp_path / "ravdess"


def test_list_names_every_corpus_and_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["corpus", "list"]) == 0
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    for name in CORPORA:
        (at,) = (i for i, line in enumerate(lines) if line.split()[0] == name)
        assert lines[at + 1].startswith("    " + CORPORA.get(name).info.title[:20])
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert "…" not in shown
    assert main(["corpus", "list", "--format", "json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(listed) == set(CORPORA)
    assert listed["ravdess"]["n_clips"] == 1440
    assert listed["savee"]["sources"] == []


def test_verify_passes_a_whole_corpus_and_fails_one_with_a_gap(ravdess, capsys):
    assert main(["corpus", "verify", "ravdess", "--root", str(ravdess)]) == 0
    assert "as expected" in capsys.readouterr().out
    gap = ravdess / "Actor_01" / "03-01-05-02-01-02-01.wav"
    gap.unlink()
    command = ["corpus", "verify", "ravdess", "--root", str(ravdess), "--format", "json"]
    assert main(command) == 1
    (said,) = json.loads(capsys.readouterr().out)
    assert (said["n"], said["expected"], said["passed"]) == (1439, 1440, False)
    assert [(p["kind"], p["path"]) for p in said["problems"]] == [
        ("missing", str(gap.with_suffix("")))
    ]
    assert main([*command, "--expect", "1439"]) == 0


def test_verify_fails_on_unreadable_and_doubled_files_and_not_on_strays(ravdess, capsys):
    command = ["corpus", "verify", "ravdess", "--root", str(ravdess), "-f", "json"]
    trees.text(ravdess / "note.mp3", "a stray file")
    assert main(command) == 0
    assert [p["kind"] for p in json.loads(capsys.readouterr().out)[0]["problems"]] == ["misnamed"]
    broken = ravdess / "Actor_02" / "03-01-01-01-01-01-02.wav"
    whole = broken.read_bytes()
    broken.write_bytes(b"RIFF")
    assert main(command) == 1
    problems = json.loads(capsys.readouterr().out)[0]["problems"]
    assert [(p["kind"], p["path"]) for p in problems][1:] == [("unreadable", str(broken))]
    broken.write_bytes(whole)
    (ravdess / "again").mkdir()
    (ravdess / "again" / broken.name).write_bytes(whole)
    assert main(command) == 1
    assert "duplicate" in capsys.readouterr().out


def test_verify_takes_a_folder_of_corpora(ravdess, capsys):
    assert main(["corpus", "verify", "--corpora", str(ravdess.parent)]) == 0
    assert "ravdess" in capsys.readouterr().out
    assert main(["corpus", "verify", "--corpora", str(ravdess / "Actor_01")]) == 2
    assert "no corpus in" in capsys.readouterr().err


def test_verify_shows_class_names_as_they_are_and_options_reach_the_reader(tmp_path, capsys):
    trees.sounds(tmp_path, ["[red]/anna_1.wav", "joy/bob_1.wav"])
    command = ["corpus", "verify", "folder", "--root", str(tmp_path)]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "[red] 1" in shown
    assert "1 speakers" in shown
    assert main([*command, "--set", r"speaker=([a-z]+)_\d", "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["problems"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify", "ravdes"], "Did you mean 'ravdess'"),
        (["verify", "ravdess", "--root", "/nowhere"], "no folder at '/nowhere'"),
        (["verify", "ravdess", "tess", "--root", "/nowhere"], "are for one corpus"),
        (["verify", "folder", "--set", "speaker"], "expected key=value"),
        (["verify", "folder", "--set", "root=x"], "no option 'root'"),
        (["download", "iemocap"], "https://sail.usc.edu/iemocap/iemocap_release.htm"),
        (["download", "savee"], "http://kahlan.eps.surrey.ac.uk/savee/Register.html"),
        (["download", "folder"], "no address to download from"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(words, said, capsys):
    assert main(["corpus", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert "Traceback" not in printed.err


def test_download_prints_the_folder_alone_on_standard_output(tmp_path, capsys, monkeypatch):
    @dataclass(frozen=True)
    class Demo:
        info: CorpusInfo

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve() as web:
        url = web.put("/a.zip", zipped({"a.wav": b"sound"}))
        info = CorpusInfo("demo", "Demo", licence="CC0", sources=(Source(url, "a.zip"),))
        monkeypatch.setattr(CORPORA, "get", lambda name: Demo(info))
        assert main(["corpus", "download", "demo", "--corpora", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'demo'}\n"
    assert "CC0" in printed.err
    assert "serotone corpus verify demo" in printed.err
    assert (tmp_path / "demo" / "a.wav").read_bytes() == b"sound"


@pytest.mark.corpora
def test_verify_passes_every_real_corpus(corpora_root, capsys):
    assert main(["corpus", "verify", "--corpora", str(corpora_root), "-f", "json"]) == 0
    counts = {entry["corpus"]: entry["n"] for entry in json.loads(capsys.readouterr().out)}
    known = {
        "ravdess": 1440,
        "ravdess-song-truncated": 1009,
        "tess": 2800,
        "emodb": 535,
        "nemo": 4481,
        "ased": 2474,
    }
    assert counts
    assert counts == {name: known[name] for name in counts}
