"""One count of calls for all data directories of a user, and what happens where it cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.providers.kite import budget_place, health
from alphastock_cli.providers.kite.budget_place import VARIABLE, find, host_of
from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.credentials import KEY_VARIABLE, SECRET_VARIABLE
from tests.conftest import ManualClock
from tests.unit.kite_host import KEY, SECRET


def connection(
    data: Path, clock: ManualClock, state: Path, *, key: str = KEY, root: str = ""
) -> Connection:
    env = {KEY_VARIABLE: key, SECRET_VARIABLE: SECRET, VARIABLE: str(state)}
    return Connection(data, KiteSettings(root=root), clock, env=env)


def used(made: Connection) -> int:
    return next(each.used for each in made.budget.usage() if each.name == "historical")


def test_data_directories_share_one_count(tmp_path: Path, clock: ManualClock) -> None:
    one, two = (connection(tmp_path / name, clock, tmp_path / "state") for name in "ab")
    for made in (one, two, one):
        with made.budget.call("historical"):
            pass
    begun = clock.monotonic()
    assert used(two) == 3
    with two.budget.call("historical"):
        assert clock.monotonic() - begun >= 1.0, "the fourth call of a second has to wait"


def test_keys_and_hosts_have_counts_of_their_own(tmp_path: Path, clock: ManualClock) -> None:
    state = tmp_path / "state"
    with connection(tmp_path, clock, state).budget.call("historical"):
        pass
    assert used(connection(tmp_path, clock, state, key="another")) == 0
    assert used(connection(tmp_path, clock, state, root="http://127.0.0.1:8765")) == 0
    assert used(connection(tmp_path, clock, state, root="https://api.kite.trade")) == 1


def test_names_of_one_host_are_one() -> None:
    assert host_of("") == host_of("https://API.kite.trade") == "api.kite.trade:443"
    assert host_of("http://localhost:9") == host_of("http://[::1]:9") == "127.0.0.1:9"
    assert host_of("http://localhost:9") != host_of("http://localhost:10")


def test_the_folder_is_private_and_names_no_key(tmp_path: Path, clock: ManualClock) -> None:
    made = connection(tmp_path / "data", clock, tmp_path / "state")
    with made.budget.call("other"):
        pass
    assert made.counts == (tmp_path / "state" / "kite", "")
    assert (tmp_path / "state" / "kite").stat().st_mode & 0o777 == 0o700
    files = list((tmp_path / "state" / "kite").iterdir())
    assert len(files) == 2
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        assert KEY not in path.name
        assert KEY.encode() not in path.read_bytes()
    assert not list((tmp_path / "data").rglob("budget-*"))


@pytest.mark.parametrize("kind", ["file", "relative", "open"])
def test_where_it_cannot_be_the_data_directory_counts_and_says_so(
    kind: str, tmp_path: Path, clock: ManualClock
) -> None:
    state = tmp_path / "state"
    if kind == "file":
        state.write_text("")
    elif kind == "relative":
        state = Path("state")
    else:
        (state / "kite").mkdir(parents=True)
        (state / "kite").chmod(0o777)
    made = connection(tmp_path / "data", clock, state)
    with made.budget.call("other"):
        pass
    assert made.counts.folder == tmp_path / "data" / "kite"
    assert "this data directory alone" in made.counts.remark
    assert list((tmp_path / "data" / "kite").glob("budget-*.json"))
    assert made.remarks() == [made.counts.remark]
    told = [row for row in health.rows(made, asked=True) if row.name == "kite budget"]
    assert [row.status for row in told] == ["ok", "warn"]
    assert VARIABLE in told[1].fix


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "kite").mkdir(mode=0o500)
    assert "cannot be written" in find({VARIABLE: str(tmp_path)}, tmp_path / "data").remark


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_user_s_home_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sudo` often keeps HOME: folders of root in it would lock its owner out."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 12345, 12345)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    made = find({}, tmp_path / "data")
    assert made.folder == tmp_path / "data"
    assert "another user" in made.remark
    assert not list(home.iterdir())


def test_without_a_word_it_is_the_platform_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder, remark = budget_place.find({}, tmp_path / "data")
    assert remark == ""
    assert tmp_path in folder.parents
    assert folder.is_dir()
    assert folder != tmp_path / "data"
