"""A file is written whole or not at all, and the cause of a failure is said in words."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alphastock_cli.errors import StorageError
from alphastock_cli.store.atomic import RESERVE, free_bytes, replace_with, sweep, write_bytes

as_root = hasattr(os, "geteuid") and os.geteuid() == 0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0)
    os.umask(before)
    yield os.umask
    os.umask(before)


def test_writes_a_new_file_and_replaces_an_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    write_bytes(target, b"first")
    write_bytes(target, b"second")
    assert target.read_bytes() == b"second"
    assert names(tmp_path) == ["out.csv"], "no temporary file is left"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o666)])
def test_a_new_file_follows_the_umask(
    tmp_path: Path, umask: Callable[[int], int], mask: int, mode: int
) -> None:
    umask(mask)
    write_bytes(tmp_path / "out", b"x")
    assert mode_of(tmp_path / "out") == mode


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_an_asked_mode_holds_under_any_umask(
    tmp_path: Path, umask: Callable[[int], int], mask: int
) -> None:
    umask(mask)
    write_bytes(tmp_path / "out", b"x", mode=0o600)
    assert mode_of(tmp_path / "out") == 0o600


def test_the_mode_of_an_old_file_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")
    target.chmod(0o640)
    write_bytes(target, b"new")
    assert mode_of(target) == 0o640


def test_a_link_is_followed_to_its_file_and_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.skipif(as_root, reason="a defect here would replace a device of this machine")
def test_a_device_is_written_into_and_stays_a_device() -> None:
    write_bytes(Path("/dev/null"), b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_bytes(pipe, b"through")
    reader.join(5)
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_standard_output_by_its_path() -> None:
    code = (
        "from pathlib import Path; from alphastock_cli.store.atomic import write_bytes;"
        "write_bytes(Path('/dev/stdout'), b'rows')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"rows"


@pytest.mark.skipif(as_root, reason="a defect here would replace a device of this machine")
def test_a_full_device_says_so() -> None:
    with pytest.raises(StorageError, match="disk is full") as caught:
        write_bytes(Path("/dev/full"), b"x")
    assert caught.value.exit_code == 9


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    target = tmp_path / "no" / "out.csv"
    with pytest.raises(StorageError, match="folder does not exist") as caught:
        write_bytes(target, b"x")
    assert str(target) in caught.value.what
    assert caught.value.hint


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="it is a folder"):
        write_bytes(tmp_path, b"x")
    assert not list(tmp_path.parent.glob(".*.part"))


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="not a folder"):
        write_bytes(tmp_path / "file" / "out", b"x")


@pytest.mark.skipif(as_root, reason="permissions do not bind root")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(StorageError, match="permission denied"):
        write_bytes(closed / "out", b"x")


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127, "नि" * 42])
def test_the_longest_names_work(tmp_path: Path, name: str) -> None:
    write_bytes(tmp_path / name, b"x")
    assert (tmp_path / name).read_bytes() == b"x"


@pytest.mark.parametrize("when", ["fill", "verify"])
@pytest.mark.parametrize(
    "error", [OSError(28, "full"), RuntimeError("defect"), KeyboardInterrupt()]
)
def test_whatever_fails_the_old_file_stays_and_nothing_is_left(
    tmp_path: Path, when: str, error: BaseException
) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise error

    def write(temporary: Path) -> None:
        temporary.write_bytes(b"new")

    fill, verify = (fail, None) if when == "fill" else (write, fail)
    with pytest.raises(StorageError if isinstance(error, OSError) else type(error)):
        replace_with(target, fill, verify=verify)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


def test_sweep_removes_only_our_own_temporary_files(tmp_path: Path) -> None:
    ours = tmp_path / f".2026.parquet.{'0a' * 8}.part"
    others = [tmp_path / name for name in (".notes.part", "x.part", f"2026.{'0a' * 8}.part")]
    for path in (ours, *others):
        path.write_bytes(b"")
    assert sweep(tmp_path) == [ours]
    assert all(path.exists() for path in others)
    assert sweep(tmp_path / "missing") == []


def test_what_a_killed_write_leaves_is_what_sweep_removes(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path;"
        "from alphastock_cli.store.atomic import replace_with;"
        "replace_with(Path(sys.argv[1]), lambda t: (t.write_bytes(b'half'), os._exit(9)))"
    )
    target = tmp_path / "2026.parquet"
    target.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == 9
    assert target.read_bytes() == b"old"
    assert len(sweep(tmp_path)) == 1
    assert names(tmp_path) == ["2026.parquet"]


# -- room -----------------------------------------------------------------------------------------

SIZE = 10 << 20


@pytest.mark.parametrize("short", [0, 1])
def test_a_large_file_is_begun_only_where_there_is_room(tmp_path: Path, short: int) -> None:
    target = tmp_path / "data"
    target.write_bytes(b"old")
    asked = []

    def free(folder: Path) -> int:
        asked.append(folder)
        return 2 * SIZE + RESERVE - short

    def fill(file: Path) -> None:
        file.write_bytes(b"new")

    if short:
        with pytest.raises(StorageError, match="needs 84 MB of free space") as caught:
            replace_with(target, fill, size=SIZE, free=free)
        assert caught.value.exit_code == 9
        assert "unharmed" in caught.value.safe
    else:
        replace_with(target, fill, size=SIZE, free=free)
    assert target.read_bytes() == (b"old" if short else b"new")
    assert names(tmp_path) == ["data"]
    assert asked == [tmp_path], "asked once a file"


def test_small_files_and_disks_that_do_not_say_are_written(tmp_path: Path) -> None:
    def fill(file: Path) -> None:
        file.write_bytes(b"new")

    replace_with(tmp_path / "state", fill, size=4096, free=lambda _: 0)
    replace_with(tmp_path / "data", fill, size=SIZE, free=lambda _: None)
    assert names(tmp_path) == ["data", "state"]


def test_how_much_is_free_is_what_an_ordinary_user_may_write(tmp_path: Path) -> None:
    facts = os.statvfs(tmp_path)
    told = free_bytes(tmp_path)
    assert told is not None
    assert 0 <= told <= facts.f_bfree * facts.f_frsize
    assert free_bytes(tmp_path / "nowhere") is None
