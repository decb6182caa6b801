"""Under which name candles are stored, and which rows of a file are that symbol's."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import indices
from alphastock_cli.safety import safe_text


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
    rows: pl.DataFrame, name: str, exchange: Exchange, path: Path
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
            f"{path.name} holds no rows of {name}; it holds {shown}",
            safe="Nothing was stored.",
            hint="Give one of them as --symbol.",
        )
    own = rows.filter(pl.col("symbol").cast(pl.String).is_in(alike))
    left = rows.height - own.height
    return own, [f"{left} rows of other symbols were left out"] if left else []


def _plain_name(word: str, exchange: Exchange) -> str:
    """Return a symbol as the file writes it, without the series some vendors append."""
    return stored_name(word.strip().upper().removesuffix("-EQ"), exchange)
