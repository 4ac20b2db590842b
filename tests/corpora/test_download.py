"""Downloads from a server of one's own: cuts, ranges, wrong sums, archives with bad intent."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from serotone.corpora import CorpusInfo, Source, fetch
from serotone.corpora.download import RECORD, download
from serotone.corpora.fetch import Patience, Progress
from serotone.corpora.unpack import Limits, unpack
from serotone.errors import CorpusError
from tests.corpora.web import serve

HASTE = Patience(timeout_s=5, attempts=3, pause_s=0)
BODY = os.urandom(300_000)


@pytest.fixture
def web(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve() as running:
        yield running


def md5(content: bytes) -> str:
    return "md5:" + hashlib.md5(content).hexdigest()


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(members: list[tarfile.TarInfo], content: bytes = b"x") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return packed.getvalue()


def get(url: str, target: Path, **further) -> None:
    fetch.fetch(url, target, patience=HASTE, **further)


def left(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# One file


def test_a_file_arrives_whole_checked_and_with_reports(web, tmp_path):
    url = web.put("/a", BODY)
    seen: list[Progress] = []
    checksum = "sha256:" + hashlib.sha256(BODY).hexdigest()
    get(url, tmp_path / "in" / "a.bin", size_bytes=len(BODY), checksum=checksum, report=seen.append)
    assert (tmp_path / "in" / "a.bin").read_bytes() == BODY
    assert left(tmp_path) == ["in/a.bin"]
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, len(BODY), len(BODY))
    get(url, tmp_path / "in" / "a.bin", checksum=checksum)
    assert len(web.asked) == 1, "what is there is not fetched again"


def test_cuts_are_resumed_where_they_were(web, tmp_path):
    url = web.put("/a", BODY, cuts=[1000, 50_000, 0])
    get(url, tmp_path / "a", checksum=md5(BODY))
    assert (tmp_path / "a").read_bytes() == BODY
    assert [wanted for _, wanted in web.asked] == [
        None,
        "bytes=1000-",
        "bytes=51000-",
        "bytes=51000-",
    ]


def test_a_second_run_goes_on_where_the_first_gave_up(web, tmp_path):
    url = web.put("/a", BODY, cuts=[1000, 0, 0, 0])
    with pytest.raises(CorpusError, match=r"3 times in a row. What came is kept"):
        get(url, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    get(url, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY
    assert web.asked[-1][1] == "bytes=1000-"


def test_a_server_without_ranges_sends_all_of_it_again(web, tmp_path):
    url = web.put("/a", BODY, cuts=[1000], ranges=False)
    get(url, tmp_path / "a", checksum=md5(BODY))
    assert (tmp_path / "a").read_bytes() == BODY


def test_halves_of_two_versions_are_never_joined(web, tmp_path):
    url = web.put("/a", BODY, cuts=[1000, 0, 0, 0])
    with pytest.raises(CorpusError):
        get(url, tmp_path / "a")
    new = os.urandom(200_000)
    web.put("/a", new, etag='"2"')
    get(url, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == new


def test_without_a_version_or_a_sum_it_starts_anew(web, tmp_path):
    url = web.put("/a", BODY, cuts=[1000], etag="")
    get(url, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY
    assert [wanted for _, wanted in web.asked] == [None, None]


@pytest.mark.parametrize("surplus", [b"", b"more"])
def test_a_part_that_was_whole_or_too_long_ends_well(web, tmp_path, surplus):
    url = web.put("/a", BODY)
    (tmp_path / ".a.part").write_bytes(BODY + surplus)
    get(url, tmp_path / "a", checksum=md5(BODY))
    assert (tmp_path / "a").read_bytes() == BODY


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"checksum": md5(b"another")}, "got md5 .*, expected .*thrown away"),
        ({"size_bytes": 5}, "got 300,000 bytes, expected 5"),
    ],
)
def test_the_wrong_file_is_thrown_away(web, tmp_path, expected, said):
    url = web.put("/a", BODY)
    with pytest.raises(CorpusError, match=said):
        get(url, tmp_path / "a", **expected)
    assert left(tmp_path) == []


def test_a_busy_server_is_asked_again_and_a_missing_page_is_not(web, tmp_path):
    url = web.put("/a", BODY, codes=[503, 429])
    get(url, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY
    web.asked.clear()
    with pytest.raises(CorpusError, match=r"404.*whether it has moved"):
        get(web.base + "/none", tmp_path / "b")
    assert len(web.asked) == 1


def test_no_server_and_no_web_address_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(CorpusError, match="no answer"):
        get("http://127.0.0.1:9/a", tmp_path / "a")
    with pytest.raises(CorpusError, match="expected one of http"):
        get("file:///etc/passwd", tmp_path / "a")


def test_a_full_disk_is_refused_before_a_byte_is_written(web, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1000))
    url = web.put("/a", BODY)
    with pytest.raises(CorpusError, match=r"1 MB|0 MB are free"):
        get(url, tmp_path / "a")
    assert left(tmp_path) == []


# Archives


def test_an_archive_is_unpacked_beside_what_is_there(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped({"top/x/a.wav": b"new", "top/b.wav": b"b"}))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.wav").write_bytes(b"old")
    (tmp_path / "x" / "mine.wav").write_bytes(b"mine")
    unpack(archive, tmp_path, strip=1)
    assert left(tmp_path) == ["a.zip", "b.wav", "x/a.wav", "x/mine.wav"]
    assert (tmp_path / "x" / "a.wav").read_bytes() == b"new"


def test_archives_inside_an_archive_are_unpacked_too(tmp_path):
    inner = tarred([tarfile.TarInfo("train_splits/dia0_utt0.mp4")])
    outer = tmp_path / "a.tar.gz"
    outer.write_bytes(tarred([tarfile.TarInfo("MELD.Raw/train.tar.gz")], inner))
    unpack(outer, tmp_path)
    assert left(tmp_path) == ["MELD.Raw/train_splits/dia0_utt0.mp4", "a.tar.gz"]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "C:\\evil", "..\\evil"])
def test_an_archive_may_not_write_outside(tmp_path, name):
    folder = tmp_path / "inside"
    for archive, content in {
        "a.zip": zipped({"good.wav": b"x", name: b"x"}),
        "a.tar": tarred([tarfile.TarInfo("good.wav"), tarfile.TarInfo(name)]),
    }.items():
        (tmp_path / archive).write_bytes(content)
        with pytest.raises(CorpusError, match="points outside the folder"):
            unpack(tmp_path / archive, folder)
        assert left(folder) == []
    assert left(tmp_path) == ["a.tar", "a.zip"]


def test_an_archive_may_not_make_links_or_devices(tmp_path):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc/passwd"
        (tmp_path / "a.tar.gz").write_bytes(tarred([member]))
        with pytest.raises(CorpusError, match="is a link or device"):
            unpack(tmp_path / "a.tar.gz", tmp_path / "inside")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    (tmp_path / "a.zip").write_bytes(packed.getvalue())
    with pytest.raises(CorpusError, match="is a link or device"):
        unpack(tmp_path / "a.zip", tmp_path / "inside")
    assert left(tmp_path / "inside") == []


@pytest.mark.parametrize(
    ("files", "limits"),
    [
        ({"zeros.wav": bytes(5_000_000)}, Limits()),
        ({"a": b"x" * 100, "b": b"x" * 100}, Limits(n_bytes=150)),
        ({str(n): b"" for n in range(20)}, Limits(n_files=10)),
    ],
)
def test_a_bomb_is_refused(tmp_path, files, limits):
    (tmp_path / "a.zip").write_bytes(zipped(files))
    with pytest.raises(CorpusError, match="far more than a corpus would"):
        unpack(tmp_path / "a.zip", tmp_path / "inside", limits=limits)
    assert left(tmp_path / "inside") == []


def test_a_bomb_inside_an_archive_is_refused_too(tmp_path):
    inner = zipped({"zeros.wav": bytes(5_000_000)})
    (tmp_path / "a.zip").write_bytes(zipped({"inner.zip": inner}))
    with pytest.raises(CorpusError, match="far more"):
        unpack(tmp_path / "a.zip", tmp_path / "inside")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_a_damaged_archive_is_one_line_and_leaves_nothing(tmp_path, name):
    whole = zipped({"a.wav": BODY}) if name == "a.zip" else tarred([tarfile.TarInfo("a")], BODY)
    for damaged in (
        whole[: len(whole) // 2],
        b"no archive",
        whole[:200] + b"\0" * 50 + whole[250:],
    ):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(CorpusError, match="cannot be unpacked") as caught:
            unpack(tmp_path / name, tmp_path / "inside")
        assert "\n" not in str(caught.value)
        assert left(tmp_path / "inside") == []


# A corpus


def corpus(*sources: Source) -> CorpusInfo:
    return CorpusInfo(name="demo", title="Demo", sources=sources, notes="Ask its owners.")


def test_a_corpus_is_fetched_unpacked_and_not_fetched_again(web, tmp_path):
    packed = zipped({"top/Actor_01/a.wav": b"sound"})
    url = web.put("/a.zip", packed)
    info = corpus(Source(url, "demo.zip", len(packed), md5(packed), strip=1))
    download(info, tmp_path, patience=HASTE)
    assert left(tmp_path) == [RECORD, "Actor_01/a.wav"]
    assert json.loads((tmp_path / RECORD).read_text()) == [url]
    download(info, tmp_path, patience=HASTE)
    assert len(web.asked) == 1


def test_a_refused_archive_leaves_the_corpus_to_be_fetched_again(web, tmp_path):
    url = web.put("/a.zip", zipped({"../evil": b"x"}))
    with pytest.raises(CorpusError, match="points outside"):
        download(corpus(Source(url, "demo.zip")), tmp_path / "root", patience=HASTE)
    assert not (tmp_path / "root" / RECORD).exists()
    assert not (tmp_path / "evil").exists()


def test_clips_named_by_a_table_come_one_by_one_and_only_those_missing(web, tmp_path):
    table = web.put("/t.csv", b'"Number","Filename"\n1,"c_1"\n2,"c_2"\n3,"c_3"\n')
    for name in ("c_1", "c_2", "c_3"):
        web.put(f"/wav/{name}.wav", name.encode())
    del web.pages["/wav/c_3.wav"]
    source = Source(
        table,
        "t.csv",
        unpack=False,
        each=web.base + "/wav/{}.wav",
        each_column="Filename",
        each_name="AudioWAV/{}.wav",
    )
    with pytest.raises(CorpusError, match="404"):
        download(corpus(source), tmp_path, patience=HASTE)
    web.put("/wav/c_3.wav", b"c_3")
    web.asked.clear()
    seen: list[Progress] = []
    download(corpus(source), tmp_path, patience=HASTE, report=seen.append)
    assert left(tmp_path) == [RECORD, *(f"AudioWAV/c_{n}.wav" for n in (1, 2, 3)), "t.csv"]
    assert [path for path, _ in web.asked] == ["/wav/c_3.wav"]
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (3, 3, "files")


def test_a_table_may_not_name_a_path(web, tmp_path):
    table = web.put("/t.csv", b"Filename\n../evil\n")
    source = Source(
        table, "t.csv", unpack=False, each="http://x/{}", each_column="Filename", each_name="{}.wav"
    )
    with pytest.raises(CorpusError, match="is no clip's name"):
        download(corpus(source), tmp_path / "root", patience=HASTE)


def test_a_corpus_behind_a_form_says_where(tmp_path):
    with pytest.raises(CorpusError, match=r"no address to download from. Ask its owners"):
        download(corpus(), tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_record_that_is_damaged_is_one_line(tmp_path):
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(CorpusError, match=r"is damaged. Remove it"):
        download(corpus(Source("http://127.0.0.1:9/a", "a.zip")), tmp_path)
