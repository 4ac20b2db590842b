"""Readers of anybody's own recordings: folders, tables, audformat, Hugging Face datasets."""

from __future__ import annotations

import math

import pytest

from serotone.audio.find import SUFFIXES
from serotone.corpora import read
from serotone.errors import ConfigError, CorpusError
from tests.corpora import trees


def test_folders_are_classes_and_a_pattern_finds_the_speaker(tmp_path):
    trees.sounds(
        tmp_path, ["joy/anna_1.wav", "joy/bob_1.ogg", "Pride/deep/anna_2.flac", "stray.wav"]
    )
    reading = read("folder", tmp_path, speaker=r"([a-z]+)_\d", language="it")
    assert [(u.id, u.label, u.speaker) for u in reading] == [
        ("folder/Pride/deep/anna_2", "pride", "folder-anna"),
        ("folder/joy/anna_1", "happy", "folder-anna"),
        ("folder/joy/bob_1", "happy", "folder-bob"),
    ]
    assert {u.language for u in reading} == {"it"}
    assert [(p.kind, p.path.name) for p in reading.problems] == [("misnamed", "stray.wav")]


def test_a_folder_gives_every_kind_of_file_that_predict_hears(tmp_path):
    (tmp_path / "joy").mkdir()
    for suffix in SUFFIXES:
        (tmp_path / f"joy/{suffix[1:]}{suffix}").touch()
    assert {u.path.suffix for u in read("folder", tmp_path)} == SUFFIXES


def test_a_clip_without_a_speaker_is_reported_where_a_pattern_asks_for_one(tmp_path):
    trees.sounds(tmp_path, ["joy/anna_1.wav", "joy/take.wav"])
    reading = read("folder", tmp_path, speaker=r"([a-z]+)_\d")
    assert len(reading) == 1
    assert [(p.kind, p.path.name) for p in reading.problems] == [("misnamed", "take.wav")]


def test_unknown_speakers_are_never_a_secret(tmp_path):
    trees.sounds(tmp_path, ["joy/1.wav", "anger/1.wav"])
    reading = read("folder", tmp_path)
    assert len({u.speaker for u in reading}) == 2
    (warning,) = reading.problems
    assert warning.kind == "speakers"
    assert "each of 2 clip(s) counts as its own speaker" in warning.message


@pytest.mark.parametrize(("pattern", "said"), [("(", "no pattern"), ("anna", r"as '\(anna\)'")])
def test_a_speaker_pattern_that_cannot_work_is_one_error(tmp_path, pattern, said):
    trees.sound(tmp_path / "joy" / "1.wav")
    with pytest.raises(ConfigError, match=said):
        read("folder", tmp_path, speaker=pattern)


def test_a_table_reads_all_its_columns(tmp_path):
    trees.sounds(tmp_path, ["clips/a.wav", "clips/b.wav"])
    table = trees.text(
        tmp_path / "mine.csv",
        "path,label,speaker,corpus,intensity,sentence,language,sex,age,start_s,end_s\n"
        "clips/a.wav,Anger,s1,radio,0.5,hello,it,Female,31,,\n"
        "clips/b.wav,,radio-s2,radio,,,,,,1.5,2\n",
    )
    first, second = read("table", table)
    assert (first.id, first.label, first.speaker) == ("radio/clips/a", "angry", "radio-s1")
    assert (first.intensity, first.sentence, first.sex, first.age) == (0.5, "hello", "female", 31)
    assert math.isnan(first.end_s)
    assert (second.id, second.label, second.speaker) == ("radio/clips/b@1.5", None, "radio-s2")
    assert math.isnan(second.intensity)
    assert (second.start_s, second.end_s) == (1.5, 2.0)


def test_a_table_takes_other_column_names_and_reports_gaps_copies_and_voiceless_rows(tmp_path):
    trees.sounds(tmp_path, ["a.wav", "b.wav"])
    table = trees.text(
        tmp_path / "mine.tsv",
        "file\temotion\twho\na.wav\tsad\tx\na.wav\tsad\tx\nb.wav\tsad\t\nc.wav\tsad\tx\n",
    )
    reading = read("table", table, path="file", label="emotion", speaker="who", name="mine")
    assert [(u.id, u.speaker) for u in reading] == [("mine/a", "mine-x"), ("mine/b", "mine-mine/b")]
    assert [p.kind for p in reading.problems] == ["missing", "duplicate", "speakers"]
    assert "row 5" in reading.problems[0].message


def test_a_table_of_a_spreadsheet_with_semicolons_reads_the_same(tmp_path):
    trees.sounds(tmp_path, ["a.wav", "b.wav"])
    rows = "path,label,speaker\na.wav,joy,anna\nb.wav,fear,ben\n"
    commas = trees.text(tmp_path / "commas.csv", rows)
    semicolons = tmp_path / "semicolons.csv"
    semicolons.write_bytes(rows.replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig"))
    assert [*read("table", semicolons)] == [*read("table", commas)]
    assert len(read("table", semicolons)) == 2


def test_a_table_that_is_none_is_one_line(tmp_path):
    bad_number = trees.text(tmp_path / "n.csv", "path,label,age\na.wav,sad,old\n")
    trees.sound(tmp_path / "a.wav")
    cases = {
        trees.text(tmp_path / "c.csv", "file,label\na.wav,sad\n"): "no column 'path'",
        bad_number: "row 2, column 'age': got 'old'",
        tmp_path / "none.csv": "No such file",
        tmp_path: "Is a directory",
        trees.text(tmp_path / "p.parquet", "no parquet"): "not a Parquet file",
        tmp_path / "none.parquet": "no table at",
    }
    (tmp_path / "latin.csv").write_bytes("path,label\nä.wav,sad\n".encode("latin-1"))
    cases[tmp_path / "latin.csv"] = "not a table in UTF-8"
    for path, said in cases.items():
        with pytest.raises(CorpusError, match=said) as caught:
            read("table", path)
        assert "\n" not in str(caught.value)


def test_parquet_says_the_same_as_csv(tmp_path):
    pandas = pytest.importorskip("pandas")
    trees.sounds(tmp_path, ["a.wav", "b.wav"])
    content = "path,label,speaker,age\na.wav,sad,x,30\nb.wav,joy,y,\n"
    table = trees.text(tmp_path / "t.csv", content)
    pandas.read_csv(table).to_parquet(tmp_path / "t.parquet")
    plain = [(u.id, u.label, u.speaker, str(u.age)) for u in read("table", table)]
    packed = [(u.id, u.label, u.speaker, str(u.age)) for u in read("table", tmp_path / "t.parquet")]
    assert packed == plain
    with pytest.raises(CorpusError, match="no column 'file'"):
        read("table", tmp_path / "t.parquet", path="file")


def test_an_audformat_database_is_read_with_its_speakers(tmp_path):
    audformat = pytest.importorskip("audformat")
    trees.sounds(tmp_path, ["wav/a.wav", "wav/b.wav"])
    database = audformat.Database("demo")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "joy"])
    database.schemes["speaker"] = audformat.Scheme(
        labels={"s1": {"gender": "female", "age": 30}, "s2": {"gender": "male", "age": 40}}
    )
    files = ["wav/a.wav", "wav/b.wav", "wav/gone.wav"]
    table = database["emotions"] = audformat.Table(audformat.filewise_index(files))
    table["emotion"] = audformat.Column(scheme_id="emotion")
    table["emotion"].set(["anger", "joy", "joy"])
    table["speaker"] = audformat.Column(scheme_id="speaker")
    table["speaker"].set(["s1", "s2", "s2"])
    database.save(str(tmp_path))
    reading = read("audformat", tmp_path)
    assert [(u.id, u.label, u.speaker, u.sex, u.age) for u in reading] == [
        ("demo/wav/a", "angry", "demo-s1", "female", 30.0),
        ("demo/wav/b", "happy", "demo-s2", "male", 40.0),
    ]
    assert [(p.kind, p.path.name) for p in reading.problems] == [("missing", "gone.wav")]
    with pytest.raises(
        CorpusError, match=r"no scheme 'emo' in the database. Did you mean 'emotion'"
    ):
        read("audformat", tmp_path, emotion="emo")
    with pytest.raises(CorpusError, match=r"no db.yaml"):
        read("audformat", tmp_path / "wav")


def test_a_segmented_audformat_database_keeps_the_places(tmp_path):
    audformat = pytest.importorskip("audformat")
    trees.sound(tmp_path / "a.wav")
    database = audformat.Database("demo")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "joy"])
    index = audformat.segmented_index(["a.wav", "a.wav"], ["0s", "1.5s"], ["1s", "2s"])
    table = database["emotions"] = audformat.Table(index)
    table["emotion"] = audformat.Column(scheme_id="emotion")
    table["emotion"].set(["anger", None])
    database.save(str(tmp_path))
    reading = read("audformat", tmp_path)
    assert [(u.id, u.label, u.start_s, u.end_s) for u in reading] == [
        ("demo/a@0", "angry", 0.0, 1.0),
        ("demo/a@1.5", None, 1.5, 2.0),
    ]
    assert [p.kind for p in reading.problems] == ["speakers"]


def test_a_hugging_face_dataset_is_read_with_its_class_names(tmp_path):
    datasets = pytest.importorskip("datasets")
    clip = trees.sound(tmp_path / "a.wav")
    features = datasets.Features(
        {
            "audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            "label": datasets.ClassLabel(names=["joy", "anger"]),
            "speaker": datasets.Value("string"),
        }
    )
    rows = {
        "audio": [
            {"bytes": clip.read_bytes(), "path": "inside.wav"},
            {"bytes": None, "path": str(clip)},
            None,
        ],
        "label": [1, 0, 0],
        "speaker": ["x", "y", "y"],
    }
    saved = tmp_path / "voices"
    dataset = datasets.Dataset.from_dict(rows, features=features)
    dataset.cast_column("audio", datasets.Audio(decode=False)).save_to_disk(str(saved))
    reading = read("huggingface", saved)
    assert [(u.id, u.label, u.speaker) for u in reading] == [
        ("voices/all/000000", "angry", "voices-x"),
        ("voices/all/000001", "happy", "voices-y"),
    ]
    assert reading.utterances[0].path.read_bytes() == clip.read_bytes()
    assert [p.kind for p in reading.problems] == ["missing"]
    with pytest.raises(CorpusError, match="no column 'sound'"):
        read("huggingface", saved, audio="sound")
    with pytest.raises(CorpusError, match="save_to_disk"):
        read("huggingface", tmp_path)
