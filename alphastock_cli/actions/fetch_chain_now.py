"""Store the chains a provider has now, as `chain` shows them, so that a history builds up.

Files are `fetch_chain.py`'s. Nothing simulated is stored, and nothing that is stored already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from alphastock_cli.actions.option_words import expiry_named, listed, underlying_named
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import CHAINS, conform
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.errors import NotOffered, OutOfRange, ProviderError
from alphastock_cli.exchange import calendar, closes
from alphastock_cli.runners._underlying import chain_moment
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from alphastock_cli.store.lake import Lake, UpsertReport

ALL = "all"
_STORED = ("lake", "replay")  # what they show is in the lake


def fetch_chain_now(
    provider: MarketData, lake: Lake, clock: Clock, names: Sequence[str], *, expiry: str = ""
) -> Result:
    """Store a snapshot of each underlying; of all or none, for all are asked before one is stored.

    Parameters
    ----------
    names : sequence of str
        Underlyings in any spelling.
    expiry : str
        As in `chain`: a date or a word, "" the nearest; ``all`` is every one listed.

    Raises
    ------
    NotOffered
        The provider has no chains, makes them up, or reads them from the lake.
    UnknownName, UsageError, ProviderError
        No such underlying or expiry; the exchange had no session that day; no price at all.
    Locked, StorageError, DamagedData
        The lake could not be written; what was stored is unharmed.
    """
    if provider.simulated or provider.name in _STORED:
        what = "makes them up" if provider.simulated else "reads them from there"
        raise NotOffered(
            f"chains of `{provider.name}` do not go into the lake: it {what}",
            hint="Leave --provider out for kite, or name a file: --from-file FILE.",
        )
    asked = list(dict.fromkeys(underlying_named(word, provider) for word in names))
    found = [_snapshot(provider, clock, name, expiry) for name in asked]
    with lake.writing():
        reports = [lake.upsert("chains", frame) for frame in found]
        lake.touch("chains")
    return _result(provider, found, reports)


def _snapshot(provider: MarketData, clock: Clock, name: str, word: str) -> pl.DataFrame:
    """Return the `CHAINS` rows of an underlying now."""
    days = listed(provider, name)
    at = chain_moment(provider, name)
    whole = word.strip().lower() == ALL
    expiry = None if whole else expiry_named(word, name, days, as_of=at)
    options = ChainOptions(expiry=expiry, every_expiry=whole)
    runner = OptionsRunner(provider, clock=clock, symbols=(name,), options=options)
    made = runner.run_once()
    if name not in made:
        raise runner.refusals[name]
    held = made[name]
    _refuse_closed(name, held.as_of)
    chains = [own["chain"] for own in held.facts.get("by_expiry", {0: held.facts}).values()]
    # stamped when the last of them was there: many expiries take their time
    moment = max(held.as_of, chain_moment(provider, name))
    rows = _rows(pl.concat(chains), name, moment, held.facts["spot"], provider.name)
    if rows.is_empty():
        raise ProviderError(f"`{provider.name}` has no figure of any contract on {name}",
                            safe="Nothing was stored.")  # fmt: skip
    return rows


def _rows(
    chain: pl.DataFrame, name: str, at: datetime, spot: float | None, source: str
) -> pl.DataFrame:
    """Return the rows as they are stored; a price of an earlier session is none of this moment."""
    traded = pl.col("last_trade_time")
    earlier = traded.is_not_null() & (traded.dt.date() < at.date())
    frame = chain.select(
        "expiry", "strike", "option_type", "bid", "ask", "volume", "open_interest", "oi_change",
        time=pl.lit(at), exchange=pl.lit(closes.derivative_exchange(name).value),
        underlying=pl.lit(name), spot=pl.lit(spot, pl.Float64),
        last_price=pl.when(~earlier).then(pl.col("last_price")), source=pl.lit(source),
    )  # fmt: skip
    figures = ("last_price", "bid", "ask", "volume", "open_interest")
    known = frame.filter(pl.any_horizontal(pl.col(figures).is_not_null()))
    return conform(known, CHAINS, what=f"chain of {name}")


def _refuse_closed(name: str, at: datetime) -> None:
    """Refuse a moment of a day without a session: its figures are of another day."""
    exchange = closes.derivative_exchange(name)
    try:
        session = calendar.session(calendar.segment_of(exchange), at.date())
    except OutOfRange:
        return
    if session is None:
        raise ProviderError(
            f"{exchange.value} has no session on {at:%Y-%m-%d}: no chain is of that day",
            safe="Nothing was stored.",
            hint="`--if-open` keeps a scheduled run from asking.",
        )


def _result(
    provider: MarketData, found: Sequence[pl.DataFrame], reports: Sequence[UpsertReport]
) -> Result:
    rows: list[dict[str, Any]] = [
        {
            "file": None, "form": provider.name, "underlying": frame["underlying"][0],
            "underlyings": 1, "snapshots": 1, "expiries": frame["expiry"].n_unique(),
            "rows": frame.height, "added": report.added, "changed": report.changed,
            "unchanged": report.unchanged, "repeated": 0, "rejected": 0,
            "first": frame["time"][0], "last": frame["time"][0],
        }
        for frame, report in zip(found, reports, strict=True)
    ]  # fmt: skip
    names = ("added", "changed", "unchanged", "repeated", "rejected")
    totals = {f"rows_{name}": sum(row[name] for row in rows) for name in names}
    notes = []
    if not totals["rows_added"] and not totals["rows_changed"]:
        notes.append("nothing new: the chain of that moment was stored already")
    return Result(
        kind="fetch_chain", rows=rows, summary={**totals, "reasons": []},
        as_of=max(row["last"] for row in rows), source=provider.name, warnings=tuple(notes),
    )  # fmt: skip
