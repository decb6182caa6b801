"""An instrument master laid over what the tables say of a symbol's contracts on a day.

The nearest master known on the day decides lot, tick and expiries. What was announced after it is
newer than it: there the tables, whose rows carry the day from which they were known, decide. A
master of a later day never contradicts the tables: it fills in what they do not know, and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import polars as pl

from alphastock_cli.domain.instrument import AssetType, Exchange
from alphastock_cli.exchange import contracts, since
from alphastock_cli.exchange.contracts import ContractRow
from alphastock_cli.store import snapshots
from alphastock_cli.store.lake import Lake

DERIVATIVES = (Exchange.NFO, Exchange.BFO, Exchange.MCX, Exchange.CDS, Exchange.BCD)
_LOT_IS_UNITS = frozenset({Exchange.NFO, Exchange.BFO})  # and the multiplier is 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a master says of one expiry; None where it says nothing, or several things."""

    lot_size: int | None
    future_tick_size: Decimal | None
    option_tick_size: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """The contracts on one underlying in one snapshot; `later` than the day asked about, or not."""

    exchange: Exchange
    expiries: Mapping[date, Listed]
    later: bool
    date: date

    @property
    def words(self) -> str:
        """How a source names it."""
        return f"{'LATER ' if self.later else ''}instrument master of {self.date}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the tables said on the day of the master: what differs from today was changed since."""

    lot: Callable[[date], int | None]
    tick: Callable[[contracts.TickKind], Decimal | None]


def master_of(symbol: str, on: date, lake: Lake) -> Master | None:
    """Return the nearest master known on a day that lists contracts on a symbol.

    Where there is none the first later one, marked so; None where no master lists the symbol.
    """
    home = contracts.exchange_of(symbol)
    where = DERIVATIVES if home is None else (home,)
    place = snapshots.nearest(lake, on, exchanges=where, underlying=symbol)
    later = place is None
    if place is None:
        place = snapshots.first_after(lake, on, exchanges=where, underlying=symbol)
    if place is None:
        return None
    names = ["expiry", "option_type", "lot_size", "tick_size"]
    rows = snapshots.rows_of(lake, place, underlying=symbol, columns=names)
    return Master(exchange=place[0], date=place[1], later=later, expiries=by_expiry(rows))


def share_facts(symbol: str, on: date, lake: Lake) -> tuple[int, Decimal, date] | None:
    """Return lot and tick of a share at NSE by the nearest master known on a day, and its day."""
    place = snapshots.nearest(lake, on, exchanges=(Exchange.NSE,))
    if place is None:
        return None
    names = ["tradingsymbol", "asset_type", "lot_size", "tick_size"]
    rows = snapshots.rows_of(lake, place, columns=names)
    row = rows.filter(tradingsymbol=symbol, asset_type=AssetType.EQUITY.value)
    tick = _tick(row["tick_size"].to_list())
    return None if tick is None else (row["lot_size"].item(), tick, place[1])


def by_expiry(rows: pl.DataFrame) -> dict[date, Listed]:
    """Return what the rows of one underlying say, expiry by expiry, ascending."""
    option = pl.col("option_type").is_not_null()
    found = rows.group_by("expiry").agg(
        lot=pl.col("lot_size").drop_nulls().unique(),
        future=pl.col("tick_size").filter(~option).drop_nulls().unique(),
        option=pl.col("tick_size").filter(option).drop_nulls().unique(),
    )
    return {
        row["expiry"]: Listed(
            lot_size=row["lot"][0] if len(row["lot"]) == 1 else None,
            future_tick_size=_tick(row["future"]),
            option_tick_size=_tick(row["option"]),
        )
        for row in found.sort("expiry").iter_rows(named=True)
    }  # fmt: skip


def tables_before(symbol: str, day: date) -> Before:
    """Return what the tables say of a symbol they know on another day."""
    return Before(
        lot=lambda expiry: contracts.lot_size(symbol, expiry, day),
        tick=lambda kind: contracts.tick_size(symbol, day, kind),
    )


def lay_over(
    symbol: str, on: date, rows: Sequence[ContractRow], master: Master, before: Before
) -> list[ContractRow]:
    """Return the rows of the tables with what a master says laid over them.

    Parameters
    ----------
    rows : sequence of ContractRow
        What the tables say on the day; a row without expiry is kept where it is a share's own.
    before : Before
        What they said on the day of the master.
    """
    table = {row.expiry: row for row in rows if row.expiry is not None}
    alive = {day: each for day, each in master.expiries.items() if day >= on}
    own = [row for row in rows if row.expiry is None and (row.kind == "share" or not alive)]
    if master.later:
        return own + _filled(symbol, on, table, alive, master)
    old = master.date < on
    over = _Over(master=master, before=before, old=old)
    share = symbol not in contracts.symbols() and master.exchange is Exchange.NFO
    name = contracts.STOCKS if share else symbol
    gone = since.moved(name, alive, master.date, on)
    for day in sorted({*alive, *table} - gone):
        row = table.get(day)
        if day in alive:
            base = row or _bare(symbol, master.exchange, day, on)
            own.append(over.merged(base, alive[day]))
        elif row is not None and old:
            own.append(replace(row, source=f"not in the {master.words}: {row.source}"))
    return own


@dataclass(frozen=True, slots=True, kw_only=True)
class _Over:
    """A master to be laid over rows; `old` when it is of a day before the one asked about."""

    master: Master
    before: Before
    old: bool

    def merged(self, row: ContractRow, listed: Listed) -> ContractRow:
        """Return a row with the facts of the master, but for those changed after it."""
        size, words = self._lot(row, listed)
        future = self._tick("future_", row.future_tick_size, listed.future_tick_size)
        option = self._tick("option_", row.option_tick_size, listed.option_tick_size)
        options_first = self.master.exchange in _LOT_IS_UNITS or listed.future_tick_size is None
        ticks = (option, future) if options_first else (future, option)
        known = [each for each in (*ticks, row.tick_size) if each is not None]
        same = size == row.lot_size
        named = f"{self.master.words} ({self.master.exchange.value})"
        return replace(
            row, lot_size=size, tick_size=known[0] if known else None,
            future_tick_size=future, option_tick_size=option,
            valid_from=row.valid_from if same else self.master.date,
            valid_to=row.valid_to if same else None,
            source="; ".join([named, *words, *_freeze_words(row)]),
        )  # fmt: skip

    def _lot(self, row: ContractRow, listed: Listed) -> tuple[int | None, list[str]]:
        """Return the lot, and words for the source where it is not simply the master's."""
        theirs, ours = listed.lot_size, row.lot_size
        if row.multiplier not in {None, 1}:  # such a lot counts otherwise than our multiplier
            return ours, [] if theirs == ours else [f"it counts a lot as {theirs}"]
        then = None if row.expiry is None else self.before.lot(row.expiry)
        if theirs is None or self._changed(ours, then):
            return ours, [] if theirs == ours else [f"lot: {row.source.partition('; ')[0]}"]
        return theirs, [] if ours in {None, theirs} else [f"our tables say a lot of {ours}"]

    def _tick(
        self, kind: contracts.TickKind, ours: Decimal | None, theirs: Decimal | None
    ) -> Decimal | None:
        changed = theirs is None or self._changed(ours, self.before.tick(kind))
        return ours if changed else theirs

    def _changed(self, now: object, then: object) -> bool:
        """Tell whether the tables know of a change after the master."""
        return self.old and now is not None and now != then


def _filled(
    symbol: str,
    on: date,
    table: Mapping[date, ContractRow],
    alive: Mapping[date, Listed],
    master: Master,
) -> list[ContractRow]:
    """Return the tables' rows with their gaps filled by a later master, or its own where none."""
    if not table:
        return [
            _gaps(_bare(symbol, master.exchange, day, on), each, master)
            for day, each in sorted(alive.items())
        ]
    return [
        _gaps(row, alive[day], master) if day in alive else row
        for day, row in sorted(table.items())
    ]


def _gaps(row: ContractRow, listed: Listed, master: Master) -> ContractRow:
    lot = listed.lot_size if row.lot_size is None else row.lot_size
    future = row.future_tick_size or listed.future_tick_size
    option = row.option_tick_size or listed.option_tick_size
    ticks = (option, future) if master.exchange in _LOT_IS_UNITS else (future, option)
    tick = row.tick_size or ticks[0] or ticks[1]
    if (lot, tick, future, option) == (
        row.lot_size, row.tick_size, row.future_tick_size, row.option_tick_size,
    ):  # fmt: skip
        return row
    words = [f"{master.words} ({master.exchange.value}) where our tables are silent"]
    if row.lot_size is not None:
        words.append(row.source.partition("; ")[0])
    return replace(
        row, lot_size=lot, tick_size=tick, future_tick_size=future, option_tick_size=option,
        source="; ".join([*words, *_freeze_words(row)]),
    )  # fmt: skip


def _bare(symbol: str, exchange: Exchange, expiry: date, on: date) -> ContractRow:
    """Return a row of what the tables know of any contract of that kind: hours, multiplier."""
    known = symbol in contracts.symbols()
    name = contracts.STOCKS if exchange in _LOT_IS_UNITS and not known else symbol
    row = contracts.row(name, exchange, None, on)
    lot = contracts.lot(symbol, expiry, on)
    return replace(
        row, symbol=symbol, expiry=expiry, lot_size=None if lot is None else lot.size,
        valid_from=None if lot is None else lot.valid_from,
        valid_to=None if lot is None else lot.valid_to,
        source="; ".join(["lot not known" if lot is None else lot.source, *_freeze_words(row)]),
    )  # fmt: skip


def _freeze_words(row: ContractRow) -> list[str]:
    """Return what a row's source says of its freeze quantity: always its last part."""
    last = row.source.rpartition("; ")[2]
    return [last] if "freeze quantity" in last else []


def _tick(values: Sequence[float]) -> Decimal | None:
    """Return the one tick there is, with two decimals or more, as the tables write it."""
    if len(values) != 1:
        return None
    tick, paisa = Decimal(repr(values[0])), Decimal("0.01")
    return tick if tick != tick.quantize(paisa) else tick.quantize(paisa)
