"""Readers of named corpora, on trees laid out as their owners publish them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from serotone.corpora import CORPORA, read
from serotone.errors import ConfigError, CorpusError
from tests.corpora import trees


def kinds(reading) -> list[tuple[str, str]]:
    return [(p.kind, p.path.name) for p in reading.problems if p.kind != "missing"]


def test_every_registered_corpus_imports_and_says_where_it_comes_from():
    for name in CORPORA:
        info = CORPORA.get(name).info
        assert info.name == name
        assert info.title
        assert info.sources or info.notes, f"{name}: nobody is told how to get it"
        for source in info.sources:
            assert source.url.startswith(("https://", "http://"))


def test_an_unknown_corpus_or_option_names_the_near_one(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'ravdess'"):
        read("ravdes", tmp_path)
    with pytest.raises(ConfigError, match=r"no option 'speeker'. Did you mean 'speaker'"):
        read("folder", tmp_path, speeker="x")
    with pytest.raises(ConfigError, match="It has none"):
        read("tess", tmp_path, pattern="x")


@pytest.mark.parametrize("name", [n for n in CORPORA if n not in ("audformat", "huggingface")])
def test_an_empty_folder_and_a_missing_one_are_one_line_errors(name, tmp_path):
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CorpusError) as caught:
            read(name, root)
        assert "\n" not in str(caught.value)


def test_ravdess_reads_what_the_name_says_in_any_format(tmp_path):
    trees.sound(tmp_path / "Actor_12" / "03-01-06-02-02-01-12.flac")
    trees.sound(tmp_path / "Actor_01" / "03-01-01-01-01-01-01.WAV")
    strong, neutral = read("ravdess", tmp_path).utterances[::-1]
    assert (strong.label, strong.speaker, strong.sex) == ("fearful", "ravdess-12", "female")
    assert (strong.intensity, strong.sentence) == (1.0, "dogs")
    assert strong.id == "ravdess/Actor_12/03-01-06-02-02-01-12"
    assert (neutral.label, neutral.sex) == ("neutral", "male")
    assert math.isnan(neutral.intensity)


def test_ravdess_reports_copies_gaps_and_strange_names_and_leaves_song_to_song(tmp_path):
    trees.sounds(
        tmp_path,
        [
            "Actor_01/03-01-02-01-01-01-01.wav",
            "audio_speech_actors_01-24/Actor_01/03-01-02-01-01-01-01.wav",
            "Actor_01/03-02-02-01-01-01-01.wav",
            "Actor_01/03-01-01-02-01-01-01.wav",  # there is no strong neutral
            "Actor_01/03-01-09-01-01-01-01.wav",
            "Actor_25/03-01-02-01-01-01-25.wav",
            "Actor_01/take one.wav",
        ],
    )
    trees.text(tmp_path / "Actor_01" / "._03-01-02-01-01-01-01.wav", "of another system")
    reading = read("ravdess", tmp_path)
    assert len(reading) == 1
    assert sorted(kinds(reading)) == [
        ("duplicate", "03-01-02-01-01-01-01.wav"),
        ("misnamed", "03-01-01-02-01-01-01.wav"),
        ("misnamed", "03-01-02-01-01-01-25.wav"),
        ("misnamed", "03-01-09-01-01-01-01.wav"),
        ("misnamed", "take one.wav"),
    ]
    assert sum(p.kind == "missing" for p in reading.problems) == 1440 - 1
    song = read("ravdess-song", tmp_path)
    assert [u.speaker for u in song] == ["ravdess-01"]
    assert sum(p.kind == "missing" for p in song.problems) == 1012 - 1


def test_tess_reads_flat_and_nested_layouts_and_the_owners_own_slip(tmp_path):
    trees.sounds(
        tmp_path,
        [
            "OAF_neutral/OA_bite_neutral.wav",
            "YAF_pleasant_surprised/YAF_bite_ps.wav",
            "YAF_back_fear.opus",
            "YAF_back_bliss.wav",
        ],
    )
    reading = read("tess", tmp_path)
    assert [(u.id, u.label, u.age) for u in reading] == [
        ("tess/OAF_bite_neutral", "neutral", 64.0),
        ("tess/YAF_back_fear", "fearful", 26.0),
        ("tess/YAF_bite_ps", "surprised", 26.0),
    ]
    assert kinds(reading) == [("misnamed", "YAF_back_bliss.wav")]
    assert sum(p.kind == "missing" for p in reading.problems) == 2 * 2 * 7 - 3


def test_emodb_reads_speaker_text_and_emotion(tmp_path):
    trees.sounds(tmp_path / "wav", ["03a01Fa.wav", "16b10Lb.wav", "13a07Wc.wav", "99a01Fa.wav"])
    reading = read("emodb", tmp_path)
    assert {(u.speaker, u.label, u.sentence, u.sex) for u in reading} == {
        ("emodb-03", "happy", "a01", "male"),
        ("emodb-16", "bored", "b10", "female"),
        ("emodb-13", "angry", "a07", "female"),
    }
    assert kinds(reading) == [("misnamed", "99a01Fa.wav")]
    # The clip's name is the same whether the folder given is the corpus's or its wav/.
    assert {u.id for u in read("emodb", tmp_path / "wav")} == {u.id for u in reading}


def test_nemo_follows_its_table(tmp_path):
    head = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    row = 'A0_anger_1.wav\tanger\tKto "tam"?\tkto tam\t        A0\tmale\t23\n'
    gone = "A0_fear_1.wav\tfear\tTak.\ttak\tA0\tmale\t23\n"
    trees.text(tmp_path / "data.tsv", head + row + gone + row)
    trees.sounds(tmp_path / "samples", ["A0_anger_1.opus", "A0_joy_1.opus"])
    reading = read("nemo", tmp_path)
    (clip,) = reading
    assert (clip.speaker, clip.sentence, clip.age) == ("nemo-A0", "kto tam", 23.0)
    assert sorted((p.kind, p.path.name) for p in reading.problems) == [
        ("duplicate", "data.tsv"),
        ("misnamed", "A0_joy_1.opus"),
        ("missing", "A0_fear_1"),
    ]
    trees.text(tmp_path / "data.tsv", "file_id\tmood\nx.wav\tanger\n")
    with pytest.raises(CorpusError, match="no column 'emotion'"):
        read("nemo", tmp_path)


def test_ased_trusts_most_names_of_a_speaker_for_the_sex(tmp_path):
    trees.sounds(
        tmp_path,
        [
            "01Neutral/n1-01-01-01-09.wav",
            "01Neutral/n1-03-01-01-09.wav",
            "04Sad/S4-01-02-02-09.wav",
            "03Happy/s4-05-01-01-09.wav",
            "03Happy/s3-05-01-01-09.wav",
        ],
    )
    reading = read("ased", tmp_path)
    assert [(u.sentence, u.label, u.sex) for u in reading] == [
        ("common-01", "neutral", "female"),
        ("neutral-03", "neutral", "female"),
        ("common-01", "sad", "female"),
    ]
    assert sorted(kinds(reading)) == [
        ("misnamed", "s3-05-01-01-09.wav"),
        ("misnamed", "s4-05-01-01-09.wav"),
    ]


def test_crema_d_joins_clips_with_what_listeners_heard(tmp_path):
    trees.crema_d(tmp_path)
    trees.sound(tmp_path / "AudioWAV" / "1001_IEO_ANG_ZZ.wav")
    for root in (tmp_path, tmp_path / "AudioWAV"):
        reading = read("crema-d", root)
        angry, neutral = reading
        assert (angry.label, angry.speaker) == ("angry", "crema-d-1001")
        assert angry.votes == pytest.approx(
            {"angry": 5 / 12, "disgust": 5 / 12, "neutral": 1 / 12, "sad": 1 / 12}
        )
        assert angry.intensity == pytest.approx(0.505)
        assert (angry.sex, angry.age, angry.sentence) == ("male", 51.0, "IEO")
        assert neutral.votes == pytest.approx({"happy": 0.1, "neutral": 0.9})
        assert kinds(reading) == [("misnamed", "1001_IEO_ANG_ZZ.wav")]


def test_crema_d_without_tables_still_reads_and_says_so(tmp_path):
    trees.sound(tmp_path / "AudioWAV" / "1001_IEO_ANG_MD.wav")
    reading = read("crema-d", tmp_path)
    assert math.isnan(reading.utterances[0].intensity)
    assert [p.path.name for p in reading.problems] == [
        "tabulatedVotes.csv",
        "VideoDemographics.csv",
    ]


@pytest.mark.corpora
def test_crema_d_reads_the_published_tables_beside_it(tmp_path, corpora_root):
    tables = corpora_root / "crema-d-tables"
    if not tables.is_dir():
        pytest.skip(f"no tables at {tables}")
    (tmp_path / "crema-d-tables").symlink_to(tables)
    trees.sound(tmp_path / "crema-d" / "1091_WSI_DIS_XX.wav")
    reading = read("crema-d", tmp_path / "crema-d")
    assert sum(p.kind == "missing" for p in reading.problems) == 7442 - 1
    (clip,) = reading
    assert sum(clip.votes.values()) == pytest.approx(1)
    assert 0 < clip.intensity < 1


@pytest.mark.parametrize("names", [["DC_a01.wav", "KL_su15.wav"], ["DC/a01.wav", "KL/su15.wav"]])
def test_savee_reads_both_layouts_alike(tmp_path, names):
    trees.sounds(tmp_path, [*names, "XX/a01.wav", "DC/a16.wav"])
    reading = read("savee", tmp_path)
    assert [(u.id, u.label, u.speaker) for u in reading] == [
        ("savee/DC/a01", "angry", "savee-DC"),
        ("savee/KL/su15", "surprised", "savee-KL"),
    ]
    assert sorted(kinds(reading)) == [("misnamed", "a01.wav"), ("misnamed", "a16.wav")]
    assert sum(p.kind == "missing" for p in reading.problems) == 480 - 2


def test_iemocap_four_classes_count_excited_as_happy_and_say_what_they_leave_out(tmp_path):
    trees.iemocap(tmp_path)
    reading = read("iemocap", tmp_path)
    neutral, happy = reading
    assert (neutral.label, neutral.speaker, neutral.sex) == ("neutral", "iemocap-Ses01F", "female")
    assert neutral.sentence == "excuse me"
    assert neutral.votes == pytest.approx({"neutral": 2.5 / 3, "sad": 0.5 / 3})
    # The dialogue is called after its first speaker, the turn after its own.
    assert (happy.label, happy.speaker, happy.sex) == ("happy", "iemocap-Ses01M", "male")
    assert happy.votes == {"excited": 1.0}
    assert reading.left_out == {"frustrated": 1, "xxx": 1}
    assert [(p.kind, p.path.name) for p in reading.problems] == [("missing", "Ses01F_impro01_F003")]


def test_iemocap_five_classes_add_frustrated(tmp_path):
    trees.iemocap(tmp_path)
    reading = read("iemocap5", tmp_path)
    assert sorted(str(u.label) for u in reading) == ["frustrated", "happy", "neutral"]
    assert reading.left_out == {"xxx": 1}


def test_meld_keeps_the_official_parts_apart(tmp_path):
    trees.meld(tmp_path)
    trees.sound(tmp_path / "output_repeated_splits_test" / "final_videos_testdia0_utt0.wav")
    trees.sound(tmp_path / "train_splits" / "dia9_utt9.wav")
    (tmp_path / "dev_splits_complete" / "dia0_utt1.wav").unlink()
    reading = read("meld", tmp_path)
    assert [u.id for u in reading] == [
        "meld/dev/dia0_utt0",
        "meld/test/dia0_utt0",
        "meld/test/dia0_utt1",
        "meld/train/dia0_utt0",
        "meld/train/dia0_utt1",
    ]
    assert reading.utterances[0].sentence == "oh my god"
    assert reading.utterances[4].label == "happy"
    assert sorted((p.kind, p.path.name) for p in reading.problems) == [
        ("misnamed", "dia9_utt9.wav"),
        ("misnamed", "final_videos_testdia0_utt0.wav"),
        ("missing", "dia0_utt1"),
    ]


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("name", "n_clips", "n_speakers", "n_labels"),
    [
        ("ravdess", 1440, 24, 8),
        ("ravdess-song-truncated", 1009, 23, 6),
        ("tess", 2800, 2, 7),
        ("emodb", 535, 10, 7),
        ("nemo", 4481, 9, 6),
        ("ased", 2474, 62, 5),
    ],
)
def test_real_corpora_hold_exactly_what_was_published(
    name, n_clips, n_speakers, n_labels, corpora_root
):
    reading = read(name, corpora_root / name)
    info = CORPORA.get(name).info
    assert len(reading) == info.n_clips == n_clips
    assert len({u.speaker for u in reading}) == n_speakers
    # Five of ASED's 65 numbers share recordings and count as two speakers.
    assert info.n_speakers == (65 if name == "ased" else n_speakers)
    assert {u.label for u in reading} == set(info.labels)
    assert len(info.labels) == n_labels
    assert all(Path(u.path).is_file() for u in reading)
    assert {p.kind for p in reading.problems} <= {"missing"}
    assert len(reading.problems) == (3 if name == "ravdess-song-truncated" else 0)
