"""One writer at a time; the holder is named; the dead hold nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alphastock_cli.errors import Locked, StorageError
from alphastock_cli.store.lock import holder, lock

_HOLD = """
import sys, time
from pathlib import Path
from alphastock_cli.store.lock import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def another_process(path: Path, seconds: float = 60.0) -> Iterator[subprocess.Popen[str]]:
    """Hold the lock in a process of its own; end that process, by its handle, at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_free_held_free(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    assert holder(path) is None
    assert not path.exists(), "asking makes no file"
    with lock(path):
        assert holder(path) == os.getpid()
    assert holder(path) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_holder_is_told_who_and_since_when(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with another_process(path) as process:
        with pytest.raises(Locked) as caught, lock(path):
            pytest.fail("two holders")
        assert f"process {process.pid} " in caught.value.what
        since = caught.value.what.partition(" since ")[2].strip()
        age = datetime.now(tz=datetime.fromisoformat(since).tzinfo) - datetime.fromisoformat(since)
        assert timedelta(seconds=-2) < age < timedelta(seconds=60)
        assert since.endswith("+05:30")
        assert (caught.value.exit_code, caught.value.retryable) == (11, True)
        assert "--lock-wait" in caught.value.hint


def test_threads_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with lock(tmp_path / ".lock"), pytest.raises(Locked), lock(tmp_path / ".lock"):
        pytest.fail("two holders")


def test_waiting_ends_when_the_holder_ends(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with another_process(path, seconds=0.3):
        began = time.monotonic()
        with lock(path, wait=10.0):
            assert time.monotonic() - began < 5.0
            assert holder(path) == os.getpid()


def test_waiting_in_vain_says_how_long(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with another_process(path):
        began = time.monotonic()
        with pytest.raises(Locked, match=r"waited 0\.2 s"), lock(path, wait=0.2):
            pytest.fail("two holders")
        assert time.monotonic() - began >= 0.2


def test_a_holder_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with another_process(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(5)
        assert path.read_text().startswith(str(process.pid)), "the text stays, the lock does not"
        assert holder(path) is None
        with lock(path):
            assert holder(path) == os.getpid()


def test_a_stopped_holder_still_holds(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with another_process(path) as process:
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(Locked, match=str(process.pid)), lock(path):
            pytest.fail("two holders")
        assert holder(path) == process.pid


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), lock(tmp_path / ".lock"):
        raise RuntimeError
    assert holder(tmp_path / ".lock") is None


def test_a_link_in_place_of_the_lock_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError), lock(tmp_path / ".lock"):
        pytest.fail("followed a link")
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="folder does not exist"),
        lock(tmp_path / "no" / ".lock"),
    ):
        pytest.fail("no folder")
