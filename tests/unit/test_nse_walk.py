"""Folders and archives, friendly and hostile: nothing is written, nothing stops the others."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from pathlib import Path

import pytest

from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.errors import StorageError, UsageError
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.store import archive
from tests.unit import nse_texts as texts

SEC = texts.SEC.encode()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def read(folder: Path) -> dict[str, EodBatch]:
    return {batch.file: batch for batch in NseFiles().read_folder(folder)}


def reason(batch: EodBatch) -> str:
    assert batch.rejects is not None
    found: str = batch.rejects["reason"][0]
    return found


def test_every_kind_of_package_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "plain.CSV").write_bytes(SEC)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(SEC))
    (tmp_path / "c.zip").write_bytes(
        zipped({"two.txt": SEC, "one.csv": SEC, "in.zip": zipped({"deep.csv": SEC})})
    )
    (tmp_path / "notes.md").write_text("no table")
    (tmp_path / "list.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    found = read(tmp_path)
    assert list(found) == [
        "a.csv.gz!a.csv", "b/plain.CSV", "c.zip!in.zip!deep.csv", "c.zip!one.csv", "c.zip!two.txt",
    ]  # fmt: skip
    assert {batch.form for batch in found.values()} == {"nse_sec_bhavdata_full"}


def test_truncated_and_damaged_archives_do_not_stop_the_others(tmp_path: Path) -> None:
    whole = zipped({"x.csv": SEC * 50})
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[60] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(bytes(flipped))
    packed = gzip.compress(SEC)
    (tmp_path / "cut.csv.gz").write_bytes(packed[:-20])
    (tmp_path / "text.zip").write_bytes(SEC)
    (tmp_path / "good.csv").write_bytes(SEC)
    found = read(tmp_path)
    assert found["good.csv"].frames
    bad = {name: reason(batch) for name, batch in found.items() if not batch.frames}
    assert set(bad) == {"cut.zip", "flipped.zip!x.csv", "cut.csv.gz", "text.zip"}
    assert bad["cut.zip"].startswith("not a readable archive")
    assert bad["flipped.zip!x.csv"].startswith("damaged inside")
    assert bad["cut.csv.gz"].startswith("damaged inside")
    assert bad["text.zip"].startswith("not a readable archive")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_members_of_other_methods(tmp_path: Path, method: int) -> None:
    data = bytearray(zipped({"x.csv": SEC * 50}, method))
    data[50:60] = bytes(10)
    (tmp_path / "x.zip").write_bytes(bytes(data))
    assert [batch.frames for batch in read(tmp_path).values()] == [{}]


def test_a_bomb_is_cut_off(tmp_path: Path) -> None:
    zeros = bytes(64 << 20)
    (tmp_path / "bomb.zip").write_bytes(zipped({"x.csv": zeros}))
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(zeros))
    found = read(tmp_path)
    assert reason(found["bomb.zip!x.csv"]) == "unpacks to more than 250 times its size"
    assert reason(found["bomb.csv.gz"]) == "unpacks to more than 250 times its size"


def test_sizes_an_archive_states_are_not_believed() -> None:
    data = bytearray(zipped({"x.csv": bytes(32 << 20)}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)  # "10 bytes unpacked"
    (found,) = archive.unpack("lie.zip", bytes(data), archive.Budget(), depth=0)
    assert len(found.data) <= 10 or found.refused


def test_caps_on_bytes_members_and_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    two = zipped({"a.csv": SEC, "b.csv": SEC})
    found = list(archive.unpack("x.zip", two, archive.Budget(len(SEC)), depth=0))
    assert [bool(item.refused) for item in found] == [False, True]
    assert found[1].refused == "the archive unpacks to too much altogether"
    nested = SEC
    for _ in range(4):
        nested = zipped({"n.zip": nested}) if nested is not SEC else zipped({"x.csv": SEC})
    (deep,) = archive.unpack("x.zip", nested, archive.Budget(), depth=0)
    assert deep.refused == "archives nested too deeply"
    many = zipped({f"{n}.csv": b"" for n in range(archive.MAX_MEMBERS + 1)}, zipfile.ZIP_STORED)
    (crowd,) = archive.unpack("x.zip", many, archive.Budget(), depth=0)
    assert crowd.refused.startswith("more than")
    monkeypatch.setattr(archive, "MAX_BYTES", 10)
    (large,) = archive.unpack("x.zip", zipped({"a.csv": SEC}), archive.Budget(), depth=0)
    assert large.refused.startswith("unpacks to more than")


def test_names_inside_archives_are_only_names(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    names = ("../../escape.csv", "/etc/absolute.csv", "..\\..\\windows.csv", "a\x1b[2Jb.csv")
    (inside / "x.zip").write_bytes(zipped(dict.fromkeys(names, SEC)))
    before = sorted(tmp_path.rglob("*"))
    found = read(inside)
    assert sorted(found) == [
        "x.zip!absolute.csv", "x.zip!a·b.csv", "x.zip!escape.csv", "x.zip!windows.csv",
    ]  # fmt: skip
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written"


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"x.csv": SEC}, zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(bytes(data))
    assert reason(read(tmp_path)["x.zip!x.csv"]).startswith("cannot be unpacked")


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "out", tmp_path / "in"
    outside.mkdir()
    inside.mkdir()
    (outside / "secret.csv").write_bytes(SEC)
    (inside / "link.csv").symlink_to(outside / "secret.csv")
    (inside / "dir").symlink_to(outside)
    (inside / "circle.csv").symlink_to(inside / "circle.csv")
    (inside / "own.csv").write_bytes(SEC)
    (inside / "alias.csv").symlink_to(inside / "own.csv")
    assert list(read(inside)) == ["alias.csv", "own.csv"]


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.csv")).write_bytes(SEC)
    (name,) = read(tmp_path)
    assert name.encode(), "no lone surrogate gets out"


def test_folders_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        read(tmp_path / "file")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    if os.access(closed, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(StorageError, match="permission"):
        read(closed)
    assert reason(read(tmp_path)["closed"]).startswith("cannot be read")
