"""Where secrets rest, who may read them, until when a login holds, and how a person logs in."""

from __future__ import annotations

import http.client
import os
import stat
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from alphastock_cli.errors import AlphaStockError, AuthError, BadReply, ConfigError, UsageError
from alphastock_cli.providers.kite import credentials
from alphastock_cli.providers.kite.credentials import Credentials, read_private, write_private
from alphastock_cli.providers.kite.login import Listener, new_state, page, token_of
from alphastock_cli.providers.kite.notes import Notes, reason
from alphastock_cli.providers.kite.session import Session, SessionStore, expiry, session_of
from tests.conftest import IST, ManualClock
from tests.unit.kite_host import KEY, NOW, SECRET, TOKEN, store_login

ENV = {"ALPHASTOCK_KITE_API_KEY": KEY, "ALPHASTOCK_KITE_API_SECRET": SECRET}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(params=[0o000, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    old = os.umask(request.param)
    yield
    os.umask(old)


# -- credentials ---------------------------------------------------------------------------------


def test_credentials_come_from_the_environment_then_from_the_file(tmp_path: Path) -> None:
    with pytest.raises(AuthError, match="login needed") as caught:
        credentials.find(tmp_path, env={})
    assert "alphastock login" in caught.value.hint
    credentials.keep(tmp_path, Credentials("filekey1", "filesecret1", "terminal"))
    held = credentials.find(tmp_path, env={})
    assert (held.api_key, held.api_secret, held.source) == ("filekey1", "filesecret1", "file")
    assert credentials.find(tmp_path, env=ENV).source == "environment"
    assert "filesecret1" not in repr(held)
    assert "filekey1" not in repr(held)


def test_one_variable_of_two_is_an_error(tmp_path: Path) -> None:
    for name in ENV:
        with pytest.raises(ConfigError, match="is not set"):
            credentials.find(tmp_path, env={name: "x"})


@pytest.mark.parametrize(
    "text", ["", "api_key = 'a'", "api_key = 1\napi_secret = 'b'", "{", "api_key = ''\n" * 2,
             "api_key = 'a'\napi_secret = 'b'\nmore = 'c'", "x" * 100],
)  # fmt: skip
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    write_private(tmp_path / "k" / credentials.FILE, text.encode())
    with pytest.raises(ConfigError):
        credentials.find(tmp_path / "k", env={})


@pytest.mark.usefixtures("umask")
def test_files_are_private_under_any_umask(tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "kite"
    credentials.keep(folder, Credentials(KEY, SECRET, "terminal"))
    store_login(folder, clock)
    Notes(folder, clock).skew(1.0)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_a_file_that_is_open_to_others_is_refused(
    tmp_path: Path, clock: ManualClock, mode: int
) -> None:
    store = store_login(tmp_path, clock)
    store.path.chmod(mode)
    with pytest.raises(ConfigError, match="open to others") as caught:
        store.alive(KEY)
    assert f"chmod 600 {store.path}" in caught.value.hint


def test_links_folders_and_pipes_are_refused(tmp_path: Path, clock: ManualClock) -> None:
    store = store_login(tmp_path / "real", clock)
    (tmp_path / "s").mkdir()
    link = tmp_path / "s" / "session.json"
    link.symlink_to(store.path)
    other = SessionStore(tmp_path / "s", clock)
    with pytest.raises(ConfigError, match="is a link"):
        other.peek()
    with pytest.raises(ConfigError, match="is a link"):
        write_private(link, b"x")
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(ConfigError, match="no file"):
        read_private(link)


def test_the_keyring_is_named_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises((ConfigError, AuthError), match="keyring"):
        credentials.find(tmp_path, env={}, store="keyring")


# -- the login at rest ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "ends"),
    [("2026-11-20 06:00:00", "2026-11-21 06:00"), ("2026-11-20 05:59:59", "2026-11-20 06:00"),
     ("2026-11-20 23:59:59", "2026-11-21 06:00"), ("2026-12-31 09:00:00", "2027-01-01 06:00")],
)  # fmt: skip
def test_a_login_ends_at_the_next_six_oclock(began: str, ends: str) -> None:
    moment = datetime.fromisoformat(began).replace(tzinfo=IST)
    assert expiry(moment) == datetime.fromisoformat(ends).replace(tzinfo=IST)


def test_the_stored_login_is_alive_until_it_ends(tmp_path: Path, clock: ManualClock) -> None:
    store = SessionStore(tmp_path, clock)
    with pytest.raises(AuthError, match="nobody is logged in"):
        store.alive(KEY)
    store_login(tmp_path, clock)
    held = store.alive(KEY)
    assert held.access_token == TOKEN
    assert TOKEN not in repr(held)
    with pytest.raises(AuthError, match="another api key"):
        store.alive("another")
    clock.advance(timedelta(hours=12))
    with pytest.raises(AuthError, match="ended at"):
        store.alive(KEY)
    assert store.remove()
    assert not store.remove()
    assert list(tmp_path.glob("session*")) == []


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"version": 2}', "[" * 99_999])
def test_a_damaged_login_says_login_needed(tmp_path: Path, clock: ManualClock, text: str) -> None:
    store = SessionStore(tmp_path, clock)
    write_private(store.path, text.encode())
    with pytest.raises(AuthError, match="login needed"):
        store.peek()


@pytest.mark.parametrize(
    "change", [{"access_token": None}, {"access_token": "a b\nc def"}, {"user_id": ""},
               {"login_time": "yesterday"}, {"login_time": None}],
)  # fmt: skip
def test_a_login_without_token_user_or_time_is_refused(change: dict[str, object]) -> None:
    good = {"access_token": "abcdef123", "user_id": "AB1", "login_time": "2026-11-20 09:00:00"}
    assert isinstance(session_of(good, KEY, NOW), Session)
    with pytest.raises(BadReply):
        session_of({**good, **change}, KEY, NOW)


# -- the way back from the login page -----------------------------------------------------------


class Browser:
    """What a browser, or somebody else on this machine, asks the listener."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, target: str, method: str = "GET", host: str = "") -> http.client.HTTPResponse:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        link.putrequest(method, target, skip_host=True)
        link.putheader("Host", host or f"127.0.0.1:{self.port}")
        link.endheaders()
        answer = link.getresponse()
        answer.body = answer.read().decode()  # type: ignore[attr-defined]
        link.close()
        return answer


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.fixture
def heard(clock: ManualClock) -> Iterator[tuple[Listener, Browser, list[object], threading.Thread]]:
    port, state = free_port(), "a" * 32
    made = Listener(f"http://127.0.0.1:{port}/back", page(KEY, state, "http://127.0.0.1:1"), state,
                    clock)  # fmt: skip
    found: list[object] = []

    def wait() -> None:
        try:
            found.append(made.wait(300))
        except AlphaStockError as error:
            found.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    yield made, Browser(port), found, thread
    clock.advance(timedelta(seconds=999))
    thread.join(5)


def test_i_7_only_the_right_answer_is_taken(heard: tuple) -> None:
    listener, browser, found, thread = heard
    good = f"/back?request_token=canaryrequest44&state={'a' * 32}&status=success"
    for target, method, host, status in (
        ("/back?request_token=canaryrequest44", "GET", "", 403),
        ("/back?request_token=canaryrequest44&state=" + "b" * 32, "GET", "", 403),
        (good.replace("/back", "/other"), "GET", "", 404),
        (good, "POST", "", 405), (good, "GET", "evil.example", 400),
        (good, "GET", "evil.example:5000", 400), (good + "&x=" + "y" * 9000, "GET", "", 400),
        (good.replace("canaryrequest44", "<script>"), "GET", "", 400),
        (good.replace("success", "error").replace("a" * 32, "b" * 32), "GET", "", 403),
        (good + "&state=" + "a" * 32, "GET", "", 403), ("/back?" + "a=1&" * 99, "GET", "", 400),
    ):  # fmt: skip
        assert browser.ask(target, method, host).status == status, target[:60]
        assert found == []
    begin = browser.ask(listener.begin)
    assert begin.status == 302
    words = parse_qs(urlsplit(begin.getheader("Location") or "").query)
    assert words["api_key"] == [KEY]
    assert words["redirect_params"] == [f"state={'a' * 32}"]
    answer = browser.ask(good)
    assert answer.status == 200
    assert answer.getheader("Cache-Control") == "no-store"
    assert "canary" not in answer.body
    thread.join(5)
    assert found == ["canaryrequest44"]
    with pytest.raises(OSError, match=r"refused|reset"):  # one good call, and it listens no more
        browser.ask(good)


def test_nobody_comes_back(heard: tuple, clock: ManualClock) -> None:
    _, _, found, thread = heard
    clock.advance(timedelta(seconds=301))
    thread.join(5)
    assert isinstance(found[0], AuthError)
    assert "--paste-url" in found[0].hint


def test_it_listens_on_this_machine_alone(heard: tuple) -> None:
    listener = heard[0]
    assert listener._server.socket.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_is_an_error_with_a_way_out(heard: tuple, clock: ManualClock) -> None:
    port = heard[1].port
    with pytest.raises(ConfigError, match="cannot be listened on") as caught:
        Listener(f"http://127.0.0.1:{port}/", "x", "y", clock)
    assert "--paste-url" in caught.value.hint


def test_a_pasted_address_is_read_and_another_login_refused() -> None:
    state = new_state()
    assert len(state) == 32
    address = f"http://127.0.0.1:5000/?request_token=abcdef1&action=login&state={state}"
    assert token_of(f"  {address}\n", state) == "abcdef1"
    assert token_of("abcdef1", state) == "abcdef1"
    with pytest.raises(UsageError, match="another login"):
        token_of(address, new_state())
    for text in ("", "http://127.0.0.1/", "two words", address + "&request_token=x", "x" * 9999):
        with pytest.raises(UsageError, match="no request token"):
            token_of(text, state)


# -- notes ---------------------------------------------------------------------------------------


def test_the_last_refusal_is_kept_with_its_reason(tmp_path: Path, clock: ManualClock) -> None:
    notes = Notes(tmp_path, clock)
    assert notes.read() == {}
    notes.refused(400, "InputException", f"Your IP is not allowed \x1b[2J {TOKEN} token=x")
    held = notes.read()["refusal"]
    assert "registered in the developer profile" in held["reason"]
    assert "\x1b" not in held["message"]
    assert reason("Market orders need market protection").startswith("MARKET")
    assert reason("whatever") == ""
    (tmp_path / "notes.json").write_text("[")
    assert notes.read() == {}
