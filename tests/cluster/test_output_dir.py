"""Manifests, parts and workers of a wide run, without a cluster."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serotone.errors import ConfigError
from serotone.inference.options import Opening
from serotone.inference.recognizer import Recognizer
from serotone.store.load import ModelInfo

fsspec = pytest.importorskip("fsspec", reason="needs fsspec (serotone[ray])")

from serotone.cluster.entry import Entry  # noqa: E402
from serotone.cluster.manifest import Manifest, entries_of  # noqa: E402
from serotone.cluster.output_dir import OutFolder  # noqa: E402
from serotone.cluster.storage import fetch, file_system  # noqa: E402
from serotone.cluster.worker import Answer, Predicting, Worker  # noqa: E402
from serotone.jobs.prediction_table import row_of, write_predictions  # noqa: E402

SAMPLES = Path(__file__).parents[2] / "samples"
CLIPS = sorted(map(str, SAMPLES.glob("*.wav")))


class Work:
    """Answers with the path; some names are deadly, as far as a test can die of them."""

    about: Mapping[str, Any] = {"command": "test"}

    def files(self) -> Mapping[str, bytes]:
        return {}

    def schema(self) -> pa.Schema:
        return pa.schema([("path", pa.string())])

    def open(self, fetch: Callable[[str], bytes]) -> Callable[[Sequence[Entry]], list[Answer]]:
        def answer(entries: Sequence[Entry]) -> list[Answer]:
            if any("deadly" in entry.path for entry in entries):
                raise Death
            return [
                f"{entry.path}: bad" if "bad" in entry.path else [{"path": entry.path}]
                for entry in entries
            ]

        return answer


class Death(BaseException):
    """Stands for the end of a process."""


def manifest_of(tmp_path: Path, names: Sequence[str], *, shard_size: int = 3) -> Manifest:
    file = tmp_path / "files.parquet"
    pq.write_table(pa.table({"path": list(names)}), file)
    return Manifest.of([str(file)], shard_size=shard_size)


def begun(tmp_path: Path, names: Sequence[str], **options: int) -> tuple[Manifest, OutFolder]:
    manifest = manifest_of(tmp_path, names, **options)
    out = OutFolder.at(str(tmp_path / "out"), parts="predictions")
    out.begin(manifest, Work.about, {})
    return manifest, out


def all_entries(manifest: Manifest, out: OutFolder) -> list[Entry]:
    file = out.manifest()
    return [entry for shard in range(manifest.n_shards) for entry in entries_of(file, shard)]


def test_a_manifest_is_sorted_and_holds_each_entry_once(tmp_path: Path) -> None:
    manifest, out = begun(tmp_path, ["b", "a", "c", "a", "e", "d", "b"], shard_size=2)
    assert [e.path for e in all_entries(manifest, out)] == ["a", "b", "c", "d", "e"]
    assert manifest.n_shards == 3


def test_stretches_are_entries_of_their_own(tmp_path: Path) -> None:
    table = pa.table({"path": ["a"] * 3, "start_s": [1, 0, 1], "end_s": [2.0, None, 2.0]})
    pq.write_table(table, tmp_path / "m.parquet")
    manifest = Manifest.of([str(tmp_path / "m.parquet")])
    out = OutFolder.at(str(tmp_path / "out"), parts="predictions")
    out.begin(manifest, {}, {})
    assert all_entries(manifest, out) == [Entry("a"), Entry("a", 1.0, 2.0)]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"file": ["a"]}, "expected 'path'"),
        ({"path": ["a"], "start_s": [2.0], "end_s": [1.0]}, "row 0 goes from 2.0 s to 1.0 s"),
        ({"path": ["a"], "start_s": [-1.0]}, "expected 0 <= start_s"),
        ({"path": ["a", None]}, "1 row"),
        ({"path": ["a"], "start_s": ["soon"]}, "seconds as numbers"),
    ],
)
def test_a_bad_manifest_is_told(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")
    with pytest.raises(ConfigError, match=message):
        Manifest.of([str(tmp_path / "m.parquet")])


def test_folders_globs_and_uris_are_entries(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    for path in CLIPS[:2]:
        store.pipe_file(f"/calls/{Path(path).name}", Path(path).read_bytes())
    store.pipe_file("/calls/notes.txt", b"x")
    for words in (["memory://calls"], ["memory://calls/*.wav"]):
        assert len(Manifest.of(words).table) == 2
    assert len(Manifest.of([str(SAMPLES), str(SAMPLES / "*.wav")]).table) == len(CLIPS)
    with pytest.raises(ConfigError, match="no recordings"):
        Manifest.of([str(tmp_path)])


def test_a_store_without_its_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(ConfigError, match="s3:// needs the package 's3fs'"):
        file_system("s3://calls/a.wav")


def test_an_unknown_store_is_told() -> None:
    with pytest.raises(ConfigError, match="no object store 's33://'"):
        file_system("s33://calls/a.wav")


def test_the_fingerprint_changes_with_what_is_to_be_done(tmp_path: Path) -> None:
    names = (["a", "b"], ["a", "c"], ["ab", ""], ["a", "b"])
    prints = [manifest_of(tmp_path, n).fingerprint for n in names]
    assert prints[0] == prints[3] and len(set(prints)) == 3
    assert manifest_of(tmp_path, ["a", "b"], shard_size=1).fingerprint not in prints


def test_shards_done_in_any_order_and_twice_give_each_entry_once(tmp_path: Path) -> None:
    names = [f"{i:02d}-{'bad' if i % 5 == 0 else 'good'}" for i in range(11)]
    manifest, out = begun(tmp_path, names)
    for shard in (2, 0, 3, 0, 1, 2):
        Worker(Work(), out, str(tmp_path)).do(shard)
    summary = out.finish(manifest.n_shards)
    assert summary == {"n_entries": 11, "n_answered": 8, "n_failed": 3, "n_parts": 4}
    answered = pq.read_table(tmp_path / "out" / "predictions")["path"].to_pylist()
    failed = [path for path, _ in out.failures()]
    assert sorted(answered + failed) == names
    assert failed == [name for name in names if "bad" in name]


def test_of_two_workers_at_one_shard_one_result_is_kept(tmp_path: Path) -> None:
    manifest, out = begun(tmp_path, ["a", "bad"])
    one, two = pa.table({"path": ["a"]}), pa.table({"path": ["a", "bad"]})
    out.write_part(0, one, [(Entry("bad"), "bad: cut")], n_entries=2)
    out.write_part(0, two, [], n_entries=2)
    assert out.finish(manifest.n_shards)["n_failed"] == 0
    assert list(out.failures()) == []
    assert pq.read_table(tmp_path / "out" / "predictions").num_rows == 2


def test_a_file_that_ends_the_process_costs_itself_alone(tmp_path: Path) -> None:
    manifest, out = begun(tmp_path, ["a", "b-deadly", "c"])
    deaths = 0
    while not out.finished():
        try:
            Worker(Work(), out, str(tmp_path)).do(0)
        except Death:
            deaths += 1
            log = tmp_path / "out" / "attempts" / "part-000000.json"
            # A death leaves the log as it was when the entry began.
            assert log.is_file()
            _die_at(log, "b-deadly", manifest, out)
        assert deaths < 9
    assert out.finish(1) == {"n_entries": 3, "n_answered": 2, "n_failed": 1, "n_parts": 1}
    assert [p for p, why in out.failures() if "ended the process" in why] == ["b-deadly"]


def _die_at(log: Path, name: str, manifest: Manifest, out: OutFolder) -> None:
    """A raised death clears what a real one leaves: put it back for the careful attempts."""
    import json

    state = json.loads(log.read_text())
    if state["tries"] > 2:
        state["at"] = [e.path for e in all_entries(manifest, out)].index(name)
        log.write_text(json.dumps(state))


def test_missing_parts_are_told(tmp_path: Path) -> None:
    manifest, out = begun(tmp_path, ["a", "b", "c", "d"])
    Worker(Work(), out, str(tmp_path)).do(1)
    with pytest.raises(ConfigError, match="1 of 2 parts are missing"):
        out.finish(manifest.n_shards)


def test_runs_are_not_mixed(tmp_path: Path) -> None:
    manifest, out = begun(tmp_path, ["a", "b"])
    assert out.begin(manifest, Work.about, {})
    with pytest.raises(ConfigError, match="other files"):
        out.begin(manifest_of(tmp_path, ["a"]), Work.about, {})
    with pytest.raises(ConfigError, match="other model or options"):
        out.begin(manifest, {"command": "else"}, {})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"other files, such as 'thesis\.txt'"):
        OutFolder.at(str(tmp_path / "mine"), parts="predictions").begin(manifest, {}, {})


def test_numbers_are_those_of_the_recognizer(tmp_path: Path, tiny_model: ModelInfo) -> None:
    shutil.copy(CLIPS[0], tmp_path / "a.wav")
    (tmp_path / "cut.wav").write_bytes(Path(CLIPS[1]).read_bytes()[:60])
    store = fsspec.filesystem("memory")
    store.pipe_file("/there/b.wav", Path(CLIPS[1]).read_bytes())
    words = [str(tmp_path), "memory://there/b.wav", *CLIPS]
    manifest = Manifest.of(words, shard_size=2)
    work = Predicting.of(Opening(model=tiny_model.path), batch_size=2)
    out = OutFolder.at(str(tmp_path / "out"), parts="predictions")
    out.begin(manifest, work.about, work.files())
    worker = Worker(work, out, str(Path.cwd()))
    for shard in range(manifest.n_shards):
        worker.do(shard)
    rows = {r["path"]: r for r in pq.read_table(tmp_path / "out" / "predictions").to_pylist()}
    recognizer = Recognizer.open(tiny_model.path)
    for path in CLIPS:
        expected = row_of(recognizer.predict(path))
        got = rows[path]
        assert got["label"] == expected["label"] and got["end_s"] == expected["end_s"]
        for key in ("confidence", "intensity", "p_happy", "p_sad", "p_angry"):
            assert got[key] == pytest.approx(expected[key], abs=2e-6), key
    assert rows["memory://there/b.wav"]["p_sad"] == pytest.approx(rows[CLIPS[1]]["p_sad"], abs=2e-6)
    assert [Path(path).name for path, _ in out.failures()] == ["cut.wav"]


def test_a_stretch_of_a_file_knows_its_place(tmp_path: Path, tiny_model: ModelInfo) -> None:
    table = pa.table({"path": [CLIPS[0]] * 2, "start_s": [0.5, 90.0], "end_s": [1.25, 91.0]})
    pq.write_table(table, tmp_path / "m.parquet")
    manifest = Manifest.of([str(tmp_path / "m.parquet")])
    work = Predicting.of(Opening(model=tiny_model.path))
    out = OutFolder.at(str(tmp_path / "out"), parts="predictions")
    out.begin(manifest, work.about, work.files())
    Worker(work, out, ".").do(0)
    (row,) = pq.read_table(tmp_path / "out" / "predictions").to_pylist()
    assert (row["start_s"], row["end_s"]) == (0.5, 1.25)
    ((_, why),) = out.failures()
    assert "expected sound at 90 s" in why


def test_an_object_that_is_not_there_is_told() -> None:
    from serotone.errors import AudioError

    with pytest.raises(AudioError, match="no such file"):
        fetch("memory://nowhere/a.wav")


def test_one_parquet_file_of_the_local_engine(tmp_path: Path, tiny_model: ModelInfo) -> None:
    recognizer = Recognizer.open(tiny_model.path)
    answers = list(recognizer.predict_files([CLIPS[0], tmp_path / "none.wav"]))
    write_predictions(answers, tmp_path / "x.parquet", recognizer.labels)
    good, bad = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert good["path"] == CLIPS[0] and good["error"] is None
    assert good["p_happy"] + good["p_sad"] + good["p_angry"] == pytest.approx(1, abs=1e-5)
    assert bad["label"] is None and "no such file" in bad["error"]
    with pytest.raises(ConfigError, match="cannot be written"):
        write_predictions(answers, tmp_path / "no" / "x.parquet", recognizer.labels)
