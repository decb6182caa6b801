"""What a live view shows, without saying how: rows, ages, what is stale, what has changed.

Pure: the same turn gives the same model. Characters, colours and widths are the business of
`plain.py` and `ndjson.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from alphastock_cli.actions.watch import Market, Seen
from alphastock_cli.actions.watch_list import Breadth
from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import exact
from alphastock_cli.domain.trading import Position

STALE_SECONDS = 10.0
_PAISA = Decimal("0.01")
_AGEING = frozenset({"age_seconds"})  # changes at every turn and says nothing new


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where the values come from and of when they are.

    `state` is ``open``, ``closed`` or ``unknown``; `age_seconds` is that of the provider's moment.
    """

    source: str
    simulated: bool
    generated_at: datetime
    as_of: datetime | None
    age_seconds: float | None
    stale: bool
    state: str
    next_open: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One index; points and percent."""

    index: str
    last: float | None
    change_pct: float | None
    age_seconds: float | None
    stale: bool

    @property
    def key(self) -> str:
        """What tells the row from others."""
        return self.index


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRow:
    """One instrument; rupees, percent, units."""

    symbol: str
    exchange: str
    last_price: float | None
    change_pct: float | None
    bid: float | None
    ask: float | None
    volume: int | None
    age_seconds: float | None
    stale: bool

    @property
    def key(self) -> str:
        """What tells the row from others."""
        return f"{self.exchange}:{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One position; `pnl` is realised plus unrealised minus charges, None without a last price."""

    symbol: str
    exchange: str
    product: str
    quantity: int
    average_price: Decimal | None
    last_price: float | None
    pnl: Decimal | None
    age_seconds: float | None
    stale: bool

    @property
    def key(self) -> str:
        """What tells the row from others."""
        return f"{self.exchange}:{self.symbol} {self.product}"


Row = IndexRow | SymbolRow | PositionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One turn as a view shows it.

    Attributes
    ----------
    no_breadth : str
        Why the breadth is not known; "" where it is, or where that may change at any turn.
    positions : tuple of PositionRow or None
        None where the positions could not be read: not the same as none held.
    pnl : Decimal or None
        Sum over the positions; None where one of them is not known, or rests on a stale price.
    """

    header: Header
    indices: tuple[IndexRow, ...] = ()
    breadth: Breadth | None = None
    no_breadth: str = ""
    symbols: tuple[SymbolRow, ...] = ()
    positions: tuple[PositionRow, ...] | None = ()
    pnl: Decimal | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """The address of a value: table, row, column."""

    table: str
    row: str
    column: str


def build(seen: Seen, *, limit: float = STALE_SECONDS) -> Model:
    """Return what a view shows of one turn.

    Parameters
    ----------
    seen : Seen
        The turn.
    limit : float
        Seconds after which a value is stale, counted as `is_stale` says.
    """
    positions = None if seen.positions is None else _positions(seen, limit)
    return Model(
        header=_header(seen, limit),
        indices=tuple(_index(seen, name, limit) for name in seen.index_names),
        breadth=seen.breadth,
        no_breadth=seen.no_breadth,
        symbols=tuple(_symbol(seen, key, limit) for key in seen.symbols),
        positions=positions,
        pnl=_total(positions),
        warnings=seen.warnings,
    )


def is_stale(time: datetime, *, now: datetime, market: Market, limit: float) -> bool:
    """Tell whether a value of `time` is older than `limit` seconds of a market that moved.

    While the market is open its age counts; while it is closed only what passed until the last
    session's continuous trading ended: a closing price does not spoil overnight, one of a session
    before does.
    """
    until = now if market.settled is None else min(now, market.settled)
    return (until - time).total_seconds() > limit


def changed(before: Model | None, after: Model) -> frozenset[Cell]:
    """Return the cells whose value differs from the model before; none where there was none.

    A row that was not there before counts with every cell; ages do not count.
    """
    if before is None:
        return frozenset()
    old, new = dict(_cells(before)), dict(_cells(after))
    return frozenset(cell for cell, value in new.items() if cell not in old or old[cell] != value)


def _cells(model: Model) -> Iterator[tuple[Cell, Any]]:
    tables: dict[str, tuple[Row, ...]] = {
        "indices": model.indices,
        "symbols": model.symbols,
        "positions": model.positions or (),
    }
    for table, rows in tables.items():
        for row in rows:
            for item in fields(row):
                if item.name not in _AGEING:
                    yield Cell(table, row.key, item.name), getattr(row, item.name)


def _header(seen: Seen, limit: float) -> Header:
    as_of = _moment(seen, limit)
    age, stale = _age(as_of, seen, limit)
    return Header(
        source=seen.source,
        simulated=seen.simulated,
        generated_at=seen.generated_at,
        as_of=as_of,
        age_seconds=age,
        stale=stale,
        state=seen.market.state,
        next_open=seen.market.next_open,
    )


def _moment(seen: Seen, limit: float) -> datetime | None:
    """Return of when the values are: the provider's moment, unless all that is shown is stale.

    Then it is that of the newest of them: who answers now may have nothing newer to say.
    """
    keys = [*seen.symbols, *(_index_key(seen, name) for name in seen.index_names)]
    times = [seen.quotes[key].time for key in keys if key in seen.quotes]
    if seen.as_of is None or not times:
        return seen.as_of
    newest = max(times)
    stale = is_stale(newest, now=seen.now, market=seen.market, limit=limit)
    return min(newest, seen.as_of) if stale else seen.as_of


def _index_key(seen: Seen, name: str) -> str:
    held = seen.indices.get(name)
    return f"NSE:{name}" if held is None else held.instrument.key


def _index(seen: Seen, name: str, limit: float) -> IndexRow:
    held = seen.indices.get(name)
    quote = _newer(seen.quotes.get(_index_key(seen, name)), None if held is None else held.quote)
    age, stale = _age(quote.time if quote else None, seen, limit)
    return IndexRow(
        index=name,
        last=_last(quote),
        change_pct=_change(quote),
        age_seconds=age,
        stale=stale,
    )


def _symbol(seen: Seen, key: str, limit: float) -> SymbolRow:
    exchange, _, symbol = key.partition(":")
    quote = seen.quotes.get(key)
    age, stale = _age(quote.time if quote else None, seen, limit)
    return SymbolRow(
        symbol=symbol,
        exchange=exchange,
        last_price=_last(quote),
        change_pct=_change(quote),
        bid=_known(quote.bid) if quote else None,
        ask=_known(quote.ask) if quote else None,
        volume=quote.volume if quote else None,
        age_seconds=age,
        stale=stale,
    )


def _positions(seen: Seen, limit: float) -> tuple[PositionRow, ...]:
    ordered = sorted(seen.positions or (), key=lambda p: (p.instrument.key, p.product))
    return tuple(_position(seen, position, limit) for position in ordered)


def _position(seen: Seen, position: Position, limit: float) -> PositionRow:
    instrument = position.instrument
    quote = seen.quotes.get(instrument.key)
    last = _last(quote)
    age, stale = _age(quote.time if quote else None, seen, limit)
    return PositionRow(
        symbol=instrument.tradingsymbol,
        exchange=instrument.exchange,
        product=position.product,
        quantity=position.quantity,
        average_price=position.average_price,
        last_price=last,
        pnl=_pnl(position, last),
        age_seconds=age,
        # nothing of a closed position depends on a price any more
        stale=stale and position.quantity != 0,
    )


def _pnl(position: Position, last: float | None) -> Decimal | None:
    made = position.pnl_realised - position.charges
    if position.quantity:
        if last is None:
            return None
        made += position.pnl_unrealised(exact(last))
    return made.quantize(_PAISA)


def _total(rows: tuple[PositionRow, ...] | None) -> Decimal | None:
    if not rows:
        return None
    known = [row.pnl for row in rows if row.pnl is not None and not row.stale]
    return sum(known, Decimal(0)) if len(known) == len(rows) else None


def _age(time: datetime | None, seen: Seen, limit: float) -> tuple[float | None, bool]:
    """Return how old a value is in seconds, never negative, and whether it is stale."""
    if time is None:
        return None, False
    age = max(0.0, (seen.now - time).total_seconds())
    return age, is_stale(time, now=seen.now, market=seen.market, limit=limit)


def _newer(a: Quote | None, b: Quote | None) -> Quote | None:
    known = [quote for quote in (a, b) if quote is not None and _last(quote) is not None]
    return max(known, key=lambda quote: quote.time, default=a or b)


def _last(quote: Quote | None) -> float | None:
    return None if quote is None else _known(quote.last_price)


def _known(price: float | None) -> float | None:
    """Return a price, or None for one that is no number: a view is the last to catch it."""
    return price if price is not None and math.isfinite(price) else None


def _change(quote: Quote | None) -> float | None:
    last = _last(quote)
    before = None if quote is None else _known(quote.previous_close)
    return 100.0 * (last - before) / before if last is not None and before else None
