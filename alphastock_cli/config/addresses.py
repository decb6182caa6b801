"""Which addresses a setting may name: https, and plain http to this machine alone.

What is asked there, and how, is the business of the provider.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alphastock_cli.config.reading import TEXT, Kind, Table, WrongValueError

_MOST = 500


def _address(value: Any) -> str:  # noqa: ANN401 - as read
    text: str = TEXT.check(value).strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        _ = parts.port  # a port that is none is found out only by asking
    except ValueError as error:
        raise WrongValueError(f"must be an address, not {text[:60]!r}: {error}") from None
    if len(text) > _MOST or not text.isascii() or not text.isprintable() or " " in text:
        raise WrongValueError("must be an address of plain characters, without blanks")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise WrongValueError(f"must be an address such as https://mirror.example, not {text!r}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise WrongValueError("must be an address without name, password, ? and #")
    host = parts.hostname
    if parts.scheme == "http" and host not in {"localhost", "127.0.0.1", "::1"}:
        raise WrongValueError("must begin with https://; http:// is for this machine alone")
    return text.rstrip("/")


ADDRESS = Kind(_address)


def refuse_foreign(table: Table, user_file: Path) -> None:
    """Refuse a project file that chooses the source of prices: it is of whoever made the folder.

    Raises
    ------
    ConfigError
        One of the addresses is in it.
    """
    for key in ("archive_base", "bse_base"):
        if key in table:
            raise table.complaint(
                key,
                "may not stand in a project file: it would choose whose prices are believed",
                hint=f"Put it into {user_file}, or set ALPHASTOCK_NSE_{key.upper()}.",
            )
