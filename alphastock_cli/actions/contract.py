"""What the exchange's rules say of a symbol on a day: the use case behind `contract`."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import UnknownName
from alphastock_cli.exchange import contracts, indices
from alphastock_cli.exchange.contracts import ContractRow
from alphastock_cli.exchange.expiries import listed_expiries
from alphastock_cli.store.lake import Lake

_COLUMNS = (
    "symbol", "expiry", "lot_size", "tick_size", "multiplier", "freeze_quantity", "session_open",
    "session_close", "valid_from", "valid_to", "source", "exchange", "kind",
)  # fmt: skip


def contract(symbol: str, day: date, *, lake: Lake) -> Result:
    """Return one row a listed expiry; for a share without loaded lots one row of its own.

    Parameters
    ----------
    symbol : str
        A derivative's symbol, an index in any spelling, a commodity, a currency or a share.
    lake : Lake
        Lots and freeze quantities of shares, where `fetch reference` loaded them.

    Raises
    ------
    UnknownName
        Neither the tables nor the lake know the symbol; the nearest ones are named.
    OutOfRange
        The tables do not reach the day.
    """
    name = symbol.strip().upper()
    name = next((s for s in contracts.symbols() if indices.underlying_index(s)
                 == indices.canonical_index(name)), name)  # fmt: skip
    rows = contracts.contract_rows(name, day) or _share(name, day, lake)
    records = [{key: asdict(row)[key] for key in _COLUMNS} for row in rows]
    return Result(
        kind="contract", rows=records, summary={"symbol": name, "on": day},
        source="exchange tables",
    )  # fmt: skip


def _share(symbol: str, on: date, lake: Lake) -> list[ContractRow]:
    """Return the rows of a share: its own, and its contracts where their lots are loaded."""
    known = _shares(lake)
    if symbol not in known:
        raise UnknownName.of("symbol", symbol, [*contracts.symbols(), *sorted(known)])
    own = _own(symbol, on)
    lots = lake.scan("lots").filter((pl.col("symbol") == symbol) & (pl.col("valid_from") <= on))
    held = lots.sort("valid_from").collect()
    if held.is_empty():
        return [own]
    freeze = _freeze(symbol, on, lake)
    found = [own]
    for expiry in listed_expiries(contracts.STOCKS, on):
        month = expiry.day.replace(day=1)
        lot = held.filter(contract_month=month)
        base = contracts.row(contracts.STOCKS, Exchange.NFO, expiry, on)
        if lot.is_empty():
            row = replace(base, symbol=symbol, freeze_quantity=freeze)
        else:
            size, since, source = lot.select("lot_size", "valid_from", "source").row(-1)
            words = f"{source}; expiry: {expiry.source}"
            row = replace(base, symbol=symbol, freeze_quantity=freeze, lot_size=size,
                          valid_from=since, source=words)  # fmt: skip
        found.append(row)
    return found


def _own(symbol: str, on: date) -> ContractRow:
    opens, closes = contracts.hours(Exchange.NSE, on)
    return ContractRow(
        symbol=symbol, exchange="NSE", kind="share", expiry=None, lot_size=1, tick_size=None,
        multiplier=1, freeze_quantity=None, session_open=opens, session_close=closes,
        valid_from=None, valid_to=None,
        source="a share: lot 1; its tick follows its price class, see an instrument master; "
        "derivative lots come in by `fetch reference`",
    )  # fmt: skip


def _freeze(symbol: str, on: date, lake: Lake) -> int | None:
    rows = lake.scan("freeze_quantities").filter(
        (pl.col("symbol") == symbol) & (pl.col("valid_from") <= on)
    )
    held = rows.sort("valid_from").select("freeze_quantity").collect()
    return None if held.is_empty() else int(held.item(-1, 0))


def _shares(lake: Lake) -> set[str]:
    """Return every share we know of: typed in, loaded in lists, or stored."""
    known = set(indices.sectors())
    known |= set(lake.scan("lots").select("symbol").unique().collect()["symbol"])
    files = lake.files("equities_day")
    if files:
        last = lake.scan("equities_day", start=date(int(files[-1].stem), 1, 1), columns=["symbol"])
        known |= set(last.unique().collect()["symbol"])
    return known
