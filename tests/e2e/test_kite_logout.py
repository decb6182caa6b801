"""`logout` against the sandbox: the login ends there first, and the stored token only after it."""

# ruff: noqa: F811

from __future__ import annotations

import io
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli
from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures


@pytest.fixture
def user(cli: Cli, sandbox: Running, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return the command line of somebody who is logged in to the sandbox."""
    words = {"ROOT": sandbox.root, "LOGIN_ROOT": sandbox.root, "API_KEY": sandbox.api_key,
             "API_SECRET": sandbox.api_secret}  # fmt: skip
    for name, value in words.items():
        monkeypatch.setenv(f"ALPHASTOCK_KITE_{name}", value)
    monkeypatch.setattr(sys, "stdin", io.StringIO(sandbox.request_token() + "\n"))
    assert cli("login", "--request-token-stdin").code == 0
    return cli


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "kite" / "session.json"


def token(file: Path) -> str:
    return str(json.loads(file.read_text())["access_token"])


def holds(sandbox: Running, access_token: str) -> bool:
    """Ask the sandbox itself whether a token is still good."""
    asked = urllib.request.Request(
        f"{sandbox.root}/user/profile",
        headers={"Authorization": f"token {sandbox.api_key}:{access_token}", "X-Kite-Version": "3"},
    )
    try:
        with urllib.request.urlopen(asked) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False


def test_a_token_others_may_have_read_is_ended(user: Cli, sandbox: Running, file: Path) -> None:
    file.chmod(0o644)
    held = token(file)
    done = user("logout", "--json")
    assert done.code == 0
    assert done.json["data"] == [{"logged_out": True, "kite_told": True}]
    assert not holds(sandbox, held)
    assert not file.exists()


def test_kite_cannot_be_told_and_the_token_is_kept(user: Cli, sandbox: Running, file: Path) -> None:
    held = token(file)
    sandbox.fault("redirect")
    done = user("logout")
    assert done.code == 5, done.err
    assert done.out == ""
    for words in ("kept for another try", "until 6 AM", "kite.zerodha.com", "--forget"):
        assert words in " ".join(done.err.split())
    sandbox.fault("")
    assert holds(sandbox, held)
    assert token(file) == held
    assert user("logout").code == 0, "the next try ends it"
    assert not holds(sandbox, held)
    assert not file.exists()


def test_with_forget_it_goes_and_the_rest_is_told(user: Cli, sandbox: Running, file: Path) -> None:
    sandbox.fault("redirect")
    done = user("logout", "--forget", "--json")
    assert done.code == 0
    assert done.json["data"] == [{"logged_out": True, "kite_told": False}]
    assert "Kite was not told" in done.json["warnings"][0]
    assert "kite.zerodha.com" in done.json["warnings"][0]
    assert not file.exists()


@pytest.mark.parametrize("words", [(), ("--forget",)])
def test_a_link_is_not_followed(
    words: tuple[str, ...], user: Cli, sandbox: Running, file: Path, tmp_path: Path
) -> None:
    real = tmp_path / "elsewhere.json"
    file.rename(real)
    file.symlink_to(real)
    done = user("logout", *words)
    assert done.code == 2
    assert "is a link" in done.err
    assert "Nothing was sent" in done.err
    assert "kite.zerodha.com" in done.err
    assert file.is_symlink()
    assert holds(sandbox, token(real))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_left_alone(user: Cli, sandbox: Running, file: Path) -> None:
    os.chown(file, 12345, 12345)
    done = user("logout")
    assert done.code == 2
    assert "belongs to another user" in done.err
    assert holds(sandbox, token(file))


@pytest.mark.parametrize("gone", [("API_KEY",), ("API_KEY", "API_SECRET")])
def test_without_an_api_key_it_is_said_which(
    gone: tuple[str, ...], user: Cli, sandbox: Running, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = token(file)
    for name in gone:
        monkeypatch.delenv(f"ALPHASTOCK_KITE_{name}")
    done = user("logout")
    assert done.code in {2, 4}
    for name in gone:
        assert f"ALPHASTOCK_KITE_{name}" in done.err
    assert "--forget" in done.err
    assert "alphastock login" not in done.err
    assert token(file) == held
    done = user("logout", "--forget")
    assert done.code == 0
    assert not file.exists()
    assert holds(sandbox, held), "nobody could end it"


def test_what_is_over_already_is_only_removed(user: Cli, sandbox: Running, file: Path) -> None:
    sandbox.expire()
    done = user("logout", "--json")
    assert done.code == 0
    assert done.json["data"][0]["logged_out"]
    assert not file.exists()
    assert user("logout").code == 0


def test_a_damaged_file_is_kept_until_it_is_to_be_forgotten(user: Cli, file: Path) -> None:
    file.write_text("{")
    done = user("logout")
    assert done.code == 4
    assert "does not hold a login" in done.err
    assert user("logout", "--forget").code == 0
    assert not file.exists()


def test_a_refused_login_is_sent_once(user: Cli, sandbox: Running, file: Path) -> None:
    """F-26: the next commands end at once, `doctor` says so, and a new login forgets it."""
    sandbox.expire()
    first = user("login", "--check")
    assert (first.code, "does not accept the login" in first.err) == (4, True)
    for words in (("chain", "NIFTY", "--provider", "kite"), ("login", "--check")):
        done = user(*words)
        assert done.code == 4
        assert "Kite refused the login" in done.err
        assert "Nothing was asked" in done.err
        assert "alphastock login" in done.err
    assert "Kite refused the login" in user("doctor").out
    kept = (file.parent / "refused.json").read_text()
    assert token(file) not in kept


def test_a_new_login_after_a_refusal_is_asked_with(
    user: Cli, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.expire()
    assert user("login", "--check").code == 4
    monkeypatch.setattr(sys, "stdin", io.StringIO(sandbox.request_token() + "\n"))
    assert user("login", "--request-token-stdin").code == 0
    assert user("login", "--check").code == 0
    assert "Kite refused the login" not in user("doctor").out
