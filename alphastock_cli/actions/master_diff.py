"""Where an instrument master and the dated tables say different things of the same contracts.

Both are compared as of the day of the master. Nobody is called wrong here: a difference is a reason
to look for the circular that explains it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alphastock_cli.actions.contract_master import (
    DERIVATIVES,
    Listed,
    by_expiry,
    master_of,
)
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import UnknownName
from alphastock_cli.exchange import contracts
from alphastock_cli.exchange.expiries import has_rules
from alphastock_cli.exchange.since import expiries_by_rule
from alphastock_cli.store import snapshots
from alphastock_cli.store.lake import Lake

_SHARES = frozenset({Exchange.NFO})  # where the expiries of shares follow a rule of the tables
_SILENT = "the tables do not reach that day"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    """What is compared: a symbol's contracts in a snapshot, and what the tables call them."""

    symbol: str
    name: str  # STOCKS where the symbol is a share's
    exchange: Exchange
    day: date

    def row(
        self, expiry: date | None, what: str, theirs: object, ours: object, note: str = ""
    ) -> Row:
        """Return one difference, the values as text: they are of several types."""
        return {
            "symbol": self.symbol, "exchange": self.exchange.value, "date": self.day,
            "expiry": expiry, "what": what, "master": None if theirs is None else str(theirs),
            "tables": None if ours is None else str(ours), "note": note,
        }  # fmt: skip


def contract_diff(symbol: str, day: date, *, lake: Lake) -> Result:
    """Return a row a difference between the nearest master known on a day and the tables.

    Parameters
    ----------
    symbol : str
        The symbol of derivatives, as the master writes it.

    Raises
    ------
    UnknownName
        No master known on the day lists contracts on the symbol.
    """
    master = master_of(symbol, day, lake)
    if master is None or master.later:
        raise UnknownName(
            f"no instrument master of {day} or before lists contracts on {symbol}",
            hint="Load one with `alphastock fetch instruments --from-file FILE --on DATE`.",
        )
    name = symbol if symbol in contracts.symbols() else contracts.STOCKS
    at = _At(symbol=symbol, name=name, exchange=master.exchange, day=master.date)
    rows = list(_differences(at, master.expiries))
    agreed = f"the master of {master.date} and our tables agree on {symbol}"
    return Result(
        kind="contract_diff",
        rows=rows,
        source=f"{master.words}, exchange tables",
        summary={"symbol": symbol, "on": day, "master": master.date, "differences": len(rows)},
        warnings=() if rows else (agreed,),
    )


def snapshot_diff(lake: Lake, exchange: Exchange, day: date) -> list[Row]:
    """Return the differences of one snapshot, of every symbol of the tables and of shares."""
    names = ["underlying", "expiry", "option_type", "lot_size", "tick_size"]
    rows = snapshots.rows_of(lake, (exchange, day), columns=names)
    rows = rows.filter(pl.col("underlying").is_not_null())
    found: list[Row] = []
    for symbol in contracts.symbols():
        mine = rows.filter(underlying=symbol)
        if mine.height:
            at = _At(symbol=symbol, name=symbol, exchange=exchange, day=day)
            found += _differences(at, by_expiry(mine))
    shares = rows.filter(~pl.col("underlying").is_in(contracts.symbols()))
    if shares.height:
        at = _At(symbol=contracts.STOCKS, name=contracts.STOCKS, exchange=exchange, day=day)
        found += _expiries(at, shares["expiry"].unique())
    return found


def newest_warnings(lake: Lake) -> list[str]:
    """Return a line for each exchange whose newest snapshot and our tables differ."""
    newest = dict(snapshots.held(lake))  # oldest first: the last one of an exchange stays
    lines = []
    for exchange in DERIVATIVES:
        found = snapshot_diff(lake, exchange, newest[exchange]) if exchange in newest else []
        rows = [row for row in found if row["note"] != _SILENT]
        head = f"instruments {exchange} {newest.get(exchange)}"
        if len(rows) < len(found):
            lines.append(f"{head}: of {len(found) - len(rows)} symbols {_SILENT}")
        if rows:
            lines.append(
                f"{head}: our tables differ in {len(rows)} places ({_counted(rows)}); see"
                f" `alphastock contract {rows[0]['symbol']} --diff --on {newest[exchange]}`"
            )
    return lines


def _counted(rows: Sequence[Row]) -> str:
    words = [row["what"] for row in rows]
    return ", ".join(f"{words.count(each)} × {each}" for each in dict.fromkeys(words))


def _differences(at: _At, listed: Mapping[date, Listed]) -> Iterator[Row]:
    """Compare expiries, lots and ticks; of a share only expiries, the rest is in no table."""
    yield from _expiries(at, listed)
    if at.name == contracts.STOCKS:
        return
    if contracts.multiplier(at.name, at.day) is None:
        if not has_rules(at.name):  # else it was said of the expiries
            yield at.row(None, "tables", None, None, _SILENT)
        return
    in_lots = contracts.multiplier(at.name, at.day) != 1
    for expiry, each in listed.items():
        lot = contracts.lot_size(at.name, expiry, at.day)
        if each.lot_size != lot:
            note = "the tables count lots, their multiplier the units" if in_lots else ""
            yield at.row(expiry, "lot_size", each.lot_size, lot, note)
        ticks: tuple[tuple[contracts.TickKind, Decimal | None], ...] = (
            ("future_", each.future_tick_size), ("option_", each.option_tick_size),
        )  # fmt: skip
        for kind, theirs in ticks:
            ours = contracts.tick_size(at.name, at.day, kind)
            if theirs not in {None, ours}:
                yield at.row(expiry, f"{kind}tick_size", theirs, ours)


def _expiries(at: _At, listed: Iterable[date]) -> Iterator[Row]:
    if not has_rules(at.name) or (at.name == contracts.STOCKS and at.exchange not in _SHARES):
        return
    ours, theirs = expiries_by_rule(at.name, at.day), set(listed)
    if not ours:
        yield at.row(None, "tables", None, None, _SILENT)
        return
    for expiry in sorted(theirs ^ ours):
        if expiry in theirs:
            yield at.row(expiry, "expiry", expiry, None, "listed in the master only")
        else:
            yield at.row(expiry, "expiry", None, expiry, "expected by the rules only")
