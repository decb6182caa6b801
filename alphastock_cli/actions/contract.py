"""What the exchange's rules say of a symbol on a day: the use case behind `contract`.

Facts of indices, commodities and currencies come from the dated tables; lots and freeze quantities
of shares, and the closes their ticks follow, from what was loaded into the lake. An instrument
master is laid over both in `contract_master.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import polars as pl

from alphastock_cli.actions.contract_master import (
    Before,
    Master,
    lay_over,
    master_of,
    share_facts,
    tables_before,
)
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange, UnknownName
from alphastock_cli.exchange import calendar, contracts, indices
from alphastock_cli.exchange.contracts import ContractRow
from alphastock_cli.exchange.expiries import listed_expiries
from alphastock_cli.store.lake import Lake

_COLUMNS = (
    "symbol", "expiry", "lot_size", "tick_size", "multiplier", "freeze_quantity", "session_open",
    "session_close", "valid_from", "valid_to", "source", "exchange", "kind", "future_tick_size",
    "option_tick_size",
)  # fmt: skip
_FREEZE_HOLDS = timedelta(days=31)  # the exchange's list is a month's list
_SHARE_ISIN = "INE"  # ISINs of Indian companies; units of funds begin otherwise
_LATER = (
    "no instrument master of {on} or before is stored: the one of {of} fills in what the tables"
    " do not know; it may tell what was not yet so"
)
_HINT = (
    "Shares become known by `alphastock fetch eod`, their lots by "
    "`alphastock fetch reference --from-dir FOLDER`."
)


def contract(symbol: str, day: date, *, lake: Lake) -> Result:
    """Return one row a listed expiry; for a share without loaded lots one row of its own.

    Parameters
    ----------
    symbol : str
        A derivative's symbol, an index in any spelling, a commodity, a currency or a share.
    day : date
        The day asked about; nothing announced later is used.
    lake : Lake
        Instrument masters; lots, freeze quantities and closes of shares, where they were loaded.

    Raises
    ------
    UnknownName
        Neither the tables nor the lake know the symbol, or it is an index without contracts.
    OutOfRange
        The tables do not reach the day, and no master lists the symbol.
    """
    name = derivative(symbol)
    master = master_of(name, day, lake)
    rows = _by_tables(name, day, master)
    if master is not None and contracts.exchange_of(name) is not None:
        rows = lay_over(name, day, rows, master, tables_before(name, master.date))
    if rows and rows[0].freeze_quantity is None:
        rows = _with_freeze(rows, name, day, lake)
    rows = rows or _share(name, day, lake, master)
    records = [{key: asdict(row)[key] for key in _COLUMNS} for row in rows]
    summary = {"symbol": name, "underlying_index": indices.underlying_index(name), "on": day}
    if master is None:
        return Result(kind="contract", rows=records, summary=summary, source="exchange tables")
    return Result(
        kind="contract",
        rows=records,
        summary={**summary, "master": master.date},
        source=f"{master.words}, exchange tables",
        warnings=(_LATER.format(on=day, of=master.date),)
        if any(master.words in row.source for row in rows) and master.later
        else (),
    )


def _by_tables(symbol: str, day: date, master: Master | None) -> list[ContractRow]:
    """Return what the tables say of a derivative; nothing where only a master reaches the day."""
    try:
        return contracts.contract_rows(symbol, day)
    except OutOfRange:
        if master is None:
            raise
        return []


def derivative(symbol: str) -> str:
    """Return the symbol of the contracts on an index of any spelling; other words in capitals."""
    index = indices.canonical_index(symbol)
    for name in contracts.symbols():
        if indices.underlying_index(name) == index:
            return name
    if index in indices.index_names():
        known = [name for name in contracts.symbols() if indices.underlying_index(name)]
        raise UnknownName(
            f"{index} is an index without contracts in our tables",
            hint=f"Indices with contracts: {', '.join(known)}.",
        )
    return symbol.strip().upper()


def _with_freeze(rows: list[ContractRow], symbol: str, on: date, lake: Lake) -> list[ContractRow]:
    """Return the rows with the freeze quantity of a loaded list, where one is fresh enough."""
    quantity, words = _freeze(symbol, on, lake)
    if quantity is None:
        return rows
    return [
        replace(row, freeze_quantity=quantity, source=f"{row.source.rpartition('; ')[0]}; {words}")
        for row in rows
    ]


def _share(symbol: str, on: date, lake: Lake, master: Master | None) -> list[ContractRow]:
    """Return the rows of a share: its own, and its contracts where their lots are loaded."""
    known = _shares(lake)
    if symbol in known:
        rows = _share_rows(symbol, on, lake, listed=master is not None)
    elif master is not None:
        rows = []  # an underlying of a master that nothing else speaks of
    else:
        raise UnknownName.of("symbol", symbol, [*contracts.symbols(), *sorted(known)], hint=_HINT)
    if master is None:
        return rows
    by_month = {row.expiry: row for row in rows}
    same_month = (master.date.year, master.date.month) == (on.year, on.month)
    before = Before(
        lot=partial(_lot_before, _lots(symbol, master.date, lake)),
        tick=lambda kind: _tick_of(by_month, kind) if same_month else None,
    )
    return lay_over(symbol, on, rows, master, before)


def _lots(symbol: str, on: date, lake: Lake) -> pl.DataFrame:
    """Return the loaded lots of a share that were known on a day, the newest list last."""
    lots = lake.scan("lots").filter((pl.col("symbol") == symbol) & (pl.col("valid_from") <= on))
    return lots.sort("valid_from").collect()


def _lot_before(lots: pl.DataFrame, expiry: date) -> int | None:
    sizes = lots.filter(contract_month=expiry.replace(day=1))["lot_size"]
    return None if sizes.is_empty() else int(sizes[-1])


def _tick_of(rows: Mapping[date | None, ContractRow], kind: contracts.TickKind) -> Decimal | None:
    """Return the tick of a share's contracts: it is one for all of them."""
    for expiry, row in rows.items():
        if expiry is not None:
            return row.future_tick_size if kind == "future_" else row.option_tick_size
    return None


def _share_rows(symbol: str, on: date, lake: Lake, *, listed: bool) -> list[ContractRow]:
    """Return a share's own row and, where lots are loaded or it is `listed`, its contracts."""
    close, why = _month_close(symbol, on, lake)
    own = _own(symbol, on, lake, close, why)
    held = _lots(symbol, on, lake)
    if held.is_empty() and not listed:
        return [own]
    freeze, words = _freeze(symbol, on, lake)
    future = contracts.price_tick("stock_future", close, on)
    option = contracts.price_tick("stock_option", close, on)
    found = [own]
    for expiry in listed_expiries(contracts.STOCKS, on):
        lot = held.filter(contract_month=expiry.day.replace(day=1))
        row = contracts.row(contracts.STOCKS, Exchange.NFO, expiry, on)
        size, since, source = None, None, "lot of that month not loaded"
        if not lot.is_empty():
            size, since, source = lot.select("lot_size", "valid_from", "source").row(-1)
        parts = (source, f"expiry: {expiry.source}", why, words)
        found.append(
            replace(
                row,
                symbol=symbol,
                lot_size=size,
                valid_from=since,
                freeze_quantity=freeze,
                tick_size=option,
                option_tick_size=option,
                future_tick_size=future,
                source="; ".join(parts),
            )
        )
    return found


def _own(symbol: str, on: date, lake: Lake, close: Decimal | None, why: str) -> ContractRow:
    """Return the row of the share itself: no expiry, lot 1 unless a master says otherwise.

    Tick classes are reviewed at the end of a month: a master of an earlier month speaks of the
    tick only where no close does.
    """
    opens, closes = contracts.hours(Exchange.NSE, on)
    lot, tick, words = 1, contracts.price_tick("share", close, on), f"a share: lot 1; {why}"
    held = share_facts(symbol, on, lake)
    if held is not None:
        lot, theirs, day = held
        words = f"lot: instrument master of {day} (NSE)"
        if tick is None or (day.year, day.month) == (on.year, on.month):
            tick, words = theirs, f"lot, tick: instrument master of {day} (NSE)"
        else:
            words = f"{words}; {why}"
    return ContractRow(
        symbol=symbol, exchange="NSE", kind="share", expiry=None, lot_size=lot, tick_size=tick,
        multiplier=1, freeze_quantity=None, session_open=opens, session_close=closes,
        valid_from=None, valid_to=None,
        source=f"{words}; derivative lots come in by `fetch reference` or `fetch instruments`",
    )  # fmt: skip


def _month_close(symbol: str, on: date, lake: Lake) -> tuple[Decimal | None, str]:
    """Return the close that sets a share's tick class on a day, and the words for the source."""
    try:
        day = calendar.previous_session(calendar.Segment.EQUITY, on.replace(day=1))
    except OutOfRange:
        return None, "tick class not known: the calendar does not reach that day"
    rows = lake.scan("equities_day", start=day, end=day).filter(
        (pl.col("symbol") == symbol)
        & (pl.col("exchange") == Exchange.NSE.value)
        & pl.col("close").is_not_null()
    )
    held = rows.sort(pl.col("series") == "EQ", "turnover").select("close", "isin").collect()
    if held.is_empty():
        return None, f"tick class follows the close of {day}, which is not stored"
    close, isin = held.row(-1)
    if symbol not in indices.sectors() and not (isin or "").startswith(_SHARE_ISIN):
        return None, "not known to be a company's share: its tick class is not known"
    return Decimal(str(close)), f"tick class by the close {close:.2f} of {day}"


def _freeze(symbol: str, on: date, lake: Lake) -> tuple[int | None, str]:
    """Return the quantity of the loaded list of that time, and the words for the source."""
    fresh = pl.col("valid_from").is_between(on - _FREEZE_HOLDS, on)
    rows = lake.scan("freeze_quantities").filter((pl.col("symbol") == symbol) & fresh)
    held = rows.sort("valid_from").select("freeze_quantity", "valid_from", "source").collect()
    if held.is_empty():
        return None, f"freeze quantity of {on:%Y-%m} not loaded"
    quantity, since, source = held.row(-1)
    return quantity, f"freeze quantity: {source} of {since}"


def _shares(lake: Lake) -> set[str]:
    """Return every share we know of: typed in, loaded in lists, or stored."""
    known = set(indices.sectors())
    known |= set(lake.scan("lots").select("symbol").unique().collect()["symbol"])
    files = lake.files("equities_day")
    if files:
        last = lake.scan("equities_day", start=date(int(files[-1].stem), 1, 1), columns=["symbol"])
        known |= set(last.unique().collect()["symbol"])
    return known
