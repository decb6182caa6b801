"""Under which name candles are stored, and which rows of a file are that symbol's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import polars as pl

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import UnknownName, UsageError
from alphastock_cli.exchange import indices
from alphastock_cli.safety import safe_text

_DAY = re.compile(r"[_ -]*\d{4}[_-]?\d{2}[_-]?\d{2}.*$")  # and what follows the day in a file name
_SHOWN = 8
_CONTINUOUS = " CONTINUOUS"  # no contract and no share has a blank in its name


def continuous_name(underlying: str) -> str:
    """Return the name of the days of an underlying's futures joined: that of no contract.

    >>> continuous_name("NIFTY")
    'NIFTY CONTINUOUS'
    """
    return f"{underlying}{_CONTINUOUS}"


def stored_name(symbol: str, exchange: Exchange) -> str:
    """Return the name under which candles are stored: capitals, an index by its canonical name."""
    plain = " ".join(symbol.upper().split())
    if exchange in {Exchange.NSE, Exchange.BSE}:
        return indices.canonical_index(plain)
    return plain


def is_index(name: str, exchange: Exchange) -> bool:
    """Tell whether a stored name is that of an index of the tables: it has no volume."""
    return exchange in {Exchange.NSE, Exchange.BSE} and name in indices.index_names()


def of_symbol(
    rows: pl.DataFrame, name: str, exchange: Exchange, file: str
) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows of the symbol asked for, and a remark where the file calls it otherwise.

    A file with one name is believed to be what the person says: collectors copy names wrongly.
    """
    if "symbol" not in rows.columns:
        return rows, []
    words = rows["symbol"].cast(pl.String).drop_nulls().unique(maintain_order=True).to_list()
    alike = [word for word in words if _plain_name(word, exchange) == name]
    if len(words) <= 1:
        other = [safe_text(word, limit=40) for word in words if word not in alike]
        return rows, [f"the file calls it {word}, stored as {name}" for word in other]
    if not alike:
        shown = safe_text(", ".join(words[:8]), limit=160)
        raise UsageError(
            f"{file} holds no rows of {name}; it holds {shown}",
            safe="Nothing was stored.",
            hint="Give one of them as --symbol.",
        )
    own = rows.filter(pl.col("symbol").cast(pl.String).is_in(alike))
    left = rows.height - own.height
    return own, [f"{left} rows of other symbols were left out"] if left else []


def _plain_name(word: str, exchange: Exchange) -> str:
    """Return a symbol as the file writes it, without the series some vendors append."""
    return stored_name(word.strip().upper().removesuffix("-EQ"), exchange)


def member_of(names: Sequence[str], *, symbol: str, exchange: Exchange, member: str = "") -> str:
    """Return the table of an archive that is meant: the one named, else the symbol's own.

    Of several tables that one is the symbol's whose name, up to a date, is the symbol
    (``Nifty_Bank_2021-06-11_.csv``), else the one in whose name it stands between underscores.

    Raises
    ------
    UnknownName
        No table is called `member`; the nearest are named.
    UsageError
        Several tables, and not exactly one of them is the symbol's.
    """
    if member:
        if member not in names:
            shown = safe_text(", ".join(names[:_SHOWN]), limit=300)
            raise UnknownName.of("member", member, names, hint=f"It holds {shown}.")
        return member
    if len(names) == 1:
        return names[0]
    wanted = stored_name(symbol, exchange)
    stems = {name: _DAY.sub("", PurePath(name).name.partition(".")[0]) for name in names}
    own = [n for n in names if _plain_name(stems[n].replace("_", " "), exchange) == wanted]
    own = own or [
        n for n in names if wanted in {_plain_name(w, exchange) for w in stems[n].split("_")}
    ]
    if len(own) == 1:
        return own[0]
    shown = safe_text(", ".join((own or list(names))[:_SHOWN]), limit=300)
    what = f"{len(own)} tables of {wanted}" if own else f"no table named after {wanted}"
    raise UsageError(f"the archive holds {what}", hint=f"Name one as --member: {shown}.")
