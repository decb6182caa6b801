"""A login that Kite refused is not sent again (F-26); a refusal of another kind changes nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from alphastock_cli.actions.login import log_out
from alphastock_cli.errors import AlphaStockError, AuthError, StorageError, TransientError
from alphastock_cli.providers.kite.session import SessionStore
from tests.conftest import ManualClock
from tests.unit.kite_host import NOW, TOKEN, bad, client, good, hosting, reply, store_login

DEAD = bad(403, "TokenException", "Incorrect `api_key` or `access_token`.")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def test_a_refused_token_is_sent_once(tmp_path: Path, clock: ManualClock) -> None:
    with hosting(DEAD) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(AuthError, match="does not accept"):
            made.profile()
        clock.advance(timedelta(minutes=40))
        for _ in range(2):  # of this process, and of the next ones
            with pytest.raises(AuthError, match="Kite refused the login of 20 Nov 11:00 at 20 Nov"):
                made.profile()
            made.close()
        assert len(host.heads) == 1
        assert TOKEN not in (tmp_path / "refused.json").read_text()
        host.answers = [good()]
        store_login(tmp_path, clock, "anotheraccess4")
        assert made.profile()["user_id"] == "AB1234"
        made.close()


def test_a_login_with_the_same_token_is_tried_again(tmp_path: Path, clock: ManualClock) -> None:
    store = store_login(tmp_path, clock)
    store.refuse(TOKEN)
    with pytest.raises(AuthError, match="refused"):
        store.alive("canarykey111")
    assert store_login(tmp_path, clock).alive("canarykey111").access_token == TOKEN


@pytest.mark.parametrize(
    "answer",
    [bad(403, "PermissionException", "Insufficient permission for that call."),
     bad(403, "InputException", "Request from an IP that is not registered"),
     bad(403, "TokenException", "Your IP 1.2.3.4 is not whitelisted for this app"),
     reply(b"<html>forbidden</html>", 403, "text/html"),
     bad(400, "TokenException", "no")],
)  # fmt: skip
def test_another_refusal_leaves_the_login(
    tmp_path: Path, clock: ManualClock, answer: object
) -> None:
    with hosting(answer, good()) as host:  # type: ignore[arg-type]
        made = client(tmp_path, host.root, clock)
        with pytest.raises(AlphaStockError):
            made.profile()
        assert made.profile()["user_id"] == "AB1234"
        made.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"token": 1, "at": 2}', "\x00"])
def test_a_damaged_memory_is_none(tmp_path: Path, clock: ManualClock, text: str) -> None:
    store = store_login(tmp_path, clock)
    (tmp_path / "refused.json").write_text(text)
    (tmp_path / "refused.json").chmod(0o600)
    assert store.alive("canarykey111").access_token == TOKEN


# -- logout --------------------------------------------------------------------------------------


def test_the_end_of_a_login_is_told_again_where_that_may_help(
    tmp_path: Path, clock: ManualClock
) -> None:
    with hosting(bad(503, "NetworkException"), bad(503, "NetworkException"), good()) as host:
        made = client(tmp_path, host.root, clock)
        assert made.end_session()
        made.close()
    assert [head.split(" ")[0] for head in host.heads] == ["DELETE"] * 3


def test_what_cannot_be_told_is_kept(tmp_path: Path, clock: ManualClock) -> None:
    with hosting(bad(503, "NetworkException")) as host:
        made = client(tmp_path, host.root, clock)
        store = SessionStore(tmp_path, clock)
        with pytest.raises(TransientError) as caught:
            log_out(made.end_session, store)
        made.close()
    assert len(host.heads) == 5
    assert "kept for another try" in caught.value.safe
    assert "kite.zerodha.com" in caught.value.hint
    assert store.alive("canarykey111").access_token == TOKEN


def test_an_expired_or_refused_token_is_not_sent(tmp_path: Path, clock: ManualClock) -> None:
    """SEC-3."""
    with hosting(good()) as host:
        made = client(tmp_path, host.root, clock)
        store = SessionStore(tmp_path, clock)
        store.refuse(TOKEN)
        assert log_out(made.end_session, store).rows[0] == {"logged_out": True, "kite_told": False}
        assert not (tmp_path / "refused.json").exists()
        store_login(tmp_path, clock)
        clock.advance(timedelta(days=1))
        assert log_out(made.end_session, store).rows[0]["logged_out"]
        assert host.heads == []
        made.close()


def test_a_login_of_another_key_is_kept(tmp_path: Path, clock: ManualClock) -> None:
    with hosting(good()) as host:
        made = client(tmp_path, host.root, clock)
        held = tmp_path / "session.json"
        held.write_text(held.read_text().replace('"app": "', '"app": "x'))
        with pytest.raises(AuthError, match="another api key"):
            log_out(made.end_session, SessionStore(tmp_path, clock))
        assert held.exists()
        assert host.heads == []


class Stuck(SessionStore):
    """Its disk says no."""

    def remove(self) -> bool:
        raise StorageError("no")


def test_a_disk_that_says_no_is_told_what_is_over(tmp_path: Path, clock: ManualClock) -> None:
    store_login(tmp_path, clock)
    with pytest.raises(StorageError) as caught:
        log_out(lambda: True, Stuck(tmp_path, clock))
    assert caught.value.safe == "At Kite the login is over."
