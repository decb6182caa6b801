"""Which addresses a login may be sent to: Kite's own hosts over TLS, and this machine.

There is no setting that switches the verification of certificates off, and none that sends a token
to a third party.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alphastock_cli.config.reading import POSITIVE, TEXT, Kind, Table, WrongValueError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST = 300
_STORES = ("file", "keyring")
_LONGEST = 120.0


def _address(hosts: Iterable[str], plain: str, secure: str) -> Kind:
    """Return the kind of an address of `hosts` over TLS, or of this machine."""
    known = tuple(hosts)

    def check(value: Any) -> str:  # noqa: ANN401 - as read
        text: str = TEXT.check(value).strip()
        if not text:
            return ""
        host, scheme = _parts(text)
        if scheme not in {plain, secure}:
            raise WrongValueError(f"must begin with {secure}://, not {text[:60]!r}")
        if host in _LOOPBACK:
            return text.rstrip("/")
        if host not in known:
            raise WrongValueError(
                f"must be {' or '.join(known)} or this machine: a login is sent there"
            )
        if scheme != secure:
            raise WrongValueError(f"must begin with {secure}://")
        return text.rstrip("/")

    return Kind(check)


def _parts(text: str) -> tuple[str, str]:
    """Return host and scheme of an address without name, password and question."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # a port that is none is found out only by asking
    except ValueError as error:
        raise WrongValueError(f"must be an address, not {text[:60]!r}: {error}") from None
    odd = "@" in parts.netloc or parts.query or parts.fragment
    if odd or len(text) > _MOST or not text.isascii() or not text.isprintable() or " " in text:
        raise WrongValueError("must be a plain address, without name, password, blanks, ? and #")
    return parts.hostname or "", parts.scheme


def _redirect(value: Any) -> str:  # noqa: ANN401 - as read
    text: str = TEXT.check(value).strip()
    host, scheme = _parts(text)
    if scheme != "http" or host not in _LOOPBACK or not urlsplit(text).port:
        raise WrongValueError(
            "must be http:// on this machine with a port, as registered with the app,"
            " such as http://127.0.0.1:5000/"
        )
    return text


def _store(value: Any) -> str:  # noqa: ANN401 - as read
    text: str = TEXT.check(value)
    if text not in _STORES:
        raise WrongValueError(f"must be {' or '.join(_STORES)}, not {text[:40]!r}")
    return text


def _seconds(value: Any) -> float:  # noqa: ANN401 - as read
    number: float = POSITIVE.check(value)
    if not 1 <= number <= _LONGEST:
        raise WrongValueError(f"must be 1 to {_LONGEST:g} seconds, not {number:g}")
    return number


REST = _address(("api.kite.trade",), "http", "https")
LOGIN = _address(("kite.zerodha.com",), "http", "https")
SOCKET = _address(("ws.kite.trade",), "ws", "wss")
REDIRECT = Kind(_redirect)
SECRETS = Kind(_store)
SECONDS = Kind(_seconds, POSITIVE.parse)


def refuse_foreign(table: Table, user_file: Path) -> None:
    """Refuse a project file that says where a login is sent: it is of whoever made the folder.

    Raises
    ------
    ConfigError
        One of the addresses, or the store of secrets, is in it.
    """
    for key in ("root", "login_root", "ws_root", "redirect_url", "secrets"):
        if key in table:
            raise table.complaint(
                key,
                "may not stand in a project file: it would choose where a login is sent",
                hint=f"Put it into {user_file}, or set ALPHASTOCK_KITE_{key.upper()}.",
            )
