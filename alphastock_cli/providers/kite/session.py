"""The login of the day at rest: who, until when, and the access token, in one private file.

Read anew before it is used, so that a login of another process counts at once. A token that has
expired, or that Kite refused, is never handed out. How one logs in: `login.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, AuthError, BadReply
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite.credentials import read_private, shred, write_private
from alphastock_cli.providers.kite.facts import token_ends
from alphastock_cli.safety import conceal

FILE, REFUSED = "session.json", "refused.json"
HINT = "Run `alphastock login`."
_VERSION = 1
_TOKEN = re.compile(r"[A-Za-z0-9._~+=-]{6,512}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login. `login_time` and `expires` are aware, in Indian time."""

    user_id: str
    access_token: str = field(repr=False)
    login_time: datetime
    expires: datetime
    app: str  # fingerprint of the api key it belongs to
    exchanges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Keep the token out of every text of this process."""
        conceal(self.access_token)


def fingerprint(secret: str) -> str:
    """Return what tells secrets apart without telling them."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def expiry(login_time: datetime) -> datetime:
    """Return when a login ends: at the hour the tables name, that day or the next.

    >>> expiry(datetime(2026, 11, 20, 9, 0, tzinfo=IST)).isoformat()
    '2026-11-21T06:00:00+05:30'
    """
    at = login_time.astimezone(IST)
    end = datetime.combine(at.date(), token_ends(at.date()), IST)
    return end if at < end else end + timedelta(days=1)


def session_of(data: dict[str, Any], api_key: str, now: datetime) -> Session:
    """Return the session of Kite's answer to a login.

    Raises
    ------
    BadReply
        Token, user or login time are missing or are no such thing.
    """
    token, user, text = (data.get(k) for k in ("access_token", "user_id", "login_time"))
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise BadReply("Kite's answer to the login holds no access token", hint=HINT)
    conceal(token)
    if not isinstance(user, str) or not user:
        raise BadReply("Kite's answer to the login names no user", hint=HINT)
    try:
        naive = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - Indian time
        began = naive.replace(tzinfo=IST)
    except ValueError:
        raise BadReply("Kite's answer to the login has no login_time", hint=HINT) from None
    if abs(began - now) > timedelta(days=1):  # a clock that is days off: the server's word counts
        began = min(began, now.astimezone(IST))
    codes = data.get("exchanges")
    named = tuple(str(code)[:8] for code in codes) if isinstance(codes, list) else ()
    return Session(
        user_id=user[:32], access_token=token, login_time=began, expires=expiry(began),
        app=fingerprint(api_key), exchanges=named,
    )  # fmt: skip


class SessionStore:
    """The file of the login.

    Parameters
    ----------
    folder : Path
        Private folder of Kite's secrets.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.path, self._refused = folder / FILE, folder / REFUSED
        self._clock = clock

    def peek(self, *, also_open: bool = False) -> Session | None:
        """Return the stored login, also an expired one; None where there is none.

        Parameters
        ----------
        also_open : bool
            Read a file that is open to others, too: to end the login, not to use it.

        Raises
        ------
        ConfigError, StorageError
            The file is open to others, or cannot be read.
        AuthError
            It is damaged.
        """
        try:
            text = read_private(self.path, also_open=also_open)
        except FileNotFoundError:
            return None
        try:
            return _session(json.loads(text))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise AuthError(f"{self.path} does not hold a login: login needed", hint=HINT) from None

    def alive(self, api_key: str) -> Session:
        """Return the login that holds now.

        Raises
        ------
        AuthError
            There is none, it has ended, Kite refused it, or it is of another api key.
        """
        held = self.peek()
        if held is None:
            raise AuthError("nobody is logged in to Kite: login needed", hint=HINT)
        if held.app != fingerprint(api_key):
            raise AuthError("the stored login is of another api key: login needed", hint=HINT)
        if held.expires <= self._clock.now():
            raise AuthError(
                f"the login of {held.login_time:%d %b %H:%M} ended at {held.expires:%d %b %H:%M}:"
                " login needed",
                hint=HINT,
            )
        at = self.refused_at(held)
        if at is not None:
            raise AuthError(
                f"Kite refused the login of {held.login_time:%d %b %H:%M} at {at:%d %b %H:%M}:"
                " login needed",
                safe="Nothing was asked.", hint=HINT,
            )  # fmt: skip
        return held

    def refuse(self, access_token: str) -> None:
        """Remember that Kite does not take a token any more, until the next login.

        Only a fingerprint of it is written; a disk that says no costs the memory alone.
        """
        body = {"token": fingerprint(access_token), "at": self._clock.now().isoformat()}
        with suppress(AlphaStockError):
            write_private(self._refused, json.dumps(body).encode())

    def refused_at(self, session: Session) -> datetime | None:
        """Return when Kite refused this login, None where it has not."""
        try:
            body = json.loads(read_private(self._refused))
            same = body["token"] == fingerprint(session.access_token)
            return _moment(body["at"]) if same else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError, AlphaStockError):
            return None

    def save(self, session: Session) -> None:
        """Write a login over the one before, whole or not at all."""
        body = {
            "version": _VERSION, "user_id": session.user_id, "access_token": session.access_token,
            "login_time": session.login_time.isoformat(), "expires": session.expires.isoformat(),
            "app": session.app, "exchanges": list(session.exchanges),
        }  # fmt: skip
        write_private(self.path, json.dumps(body).encode())
        with suppress(OSError):
            self._refused.unlink()

    def exists(self) -> bool:
        """Tell whether there is a file of a login, of whatever kind."""
        return os.path.lexists(self.path)

    def check_ours(self) -> None:
        """Refuse a file that is none, a link, or of another user.

        Raises
        ------
        ConfigError, StorageError
            It is, or it cannot be looked at.
        """
        with suppress(FileNotFoundError):
            read_private(self.path, also_open=True)

    def remove(self) -> bool:
        """Shred the login; tell whether there was one."""
        with suppress(OSError):
            self._refused.unlink()
        return shred(self.path)


def _session(body: dict[str, Any]) -> Session:
    if body["version"] != _VERSION:
        raise ValueError("another version")
    return Session(
        user_id=str(body["user_id"]), access_token=_token(body["access_token"]),
        login_time=_moment(body["login_time"]), expires=_moment(body["expires"]),
        app=str(body["app"]), exchanges=tuple(map(str, body["exchanges"])),
    )  # fmt: skip


def _token(value: Any) -> str:  # noqa: ANN401 - as read
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ValueError("no token")
    return value


def _moment(value: Any) -> datetime:  # noqa: ANN401 - as read
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError("a naive time")
    return moment.astimezone(IST)
