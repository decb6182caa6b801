"""What is listed, by the instrument masters of the lake: contracts, their lots, ticks and expiries.

The nearest master known at the moment answers; what the exchange announced after it is applied by
the dated tables, or leaves the contract out. Prices are not here.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from alphastock_cli.domain.frames import INSTRUMENTS, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import ProviderError, UnknownName
from alphastock_cli.providers.lake.chain_history import ChainHistory
from alphastock_cli.store import snapshots
from alphastock_cli.store.days import StoredDays

_UNITS = (Exchange.NFO, Exchange.BFO)  # where a lot counts units and the multiplier is 1
_DERIVATIVES = (*_UNITS, Exchange.MCX, Exchange.CDS, Exchange.BCD)
_TERMS = ["underlying", "expiry"]


class Listings(ChainHistory, StoredDays):
    """Mixed into the provider that stands on the lake."""

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        """Return what is listed on an exchange, as far as the lake knows.

        Derivatives are those of the nearest master known at the moment that have not ended; of a
        commodity or currency whose multiplier no table knows `lot_size` is null. Shares are those
        of the last stored session; a master adds their lots and ticks.
        """
        day = self._moment.date()
        place = snapshots.nearest(self._lake, day, exchanges=(exchange,))
        if exchange in _DERIVATIVES:
            if place is None:
                return pl.DataFrame(schema=INSTRUMENTS)
            rows = snapshots.rows_of(self._lake, place)
            alive = rows.filter(pl.col("expiry") >= day)
            return conform(_as_of(alive, place, day), INSTRUMENTS, what="lake instruments")
        shares = super().instruments(exchange)
        if place is None or shares.is_empty():
            return shares
        names = ["tradingsymbol", "lot_size", "tick_size"]
        facts = snapshots.rows_of(self._lake, place, columns=names)
        joined = shares.join(facts, on="tradingsymbol", how="left", maintain_order="left",
                             suffix="_master")  # fmt: skip
        known = joined.with_columns(
            lot_size=pl.coalesce("lot_size_master", "lot_size"),
            tick_size=pl.coalesce("tick_size_master", "tick_size"),
        )
        return known.select(INSTRUMENTS.names())

    def expiries(self, underlying: str) -> tuple[date, ...]:
        """Return the option expiries listed in the last stored session, ascending.

        Where no session with its options is stored, those of the nearest master that have not
        ended.

        Raises
        ------
        UnknownName, ProviderError
            As in `Derivatives.expiries`, and no master lists options on it either.
        """
        try:
            return super().expiries(underlying)
        except (UnknownName, ProviderError):
            found = self._by_master(underlying)
            if not found:
                raise
            return found

    def _by_master(self, underlying: str) -> tuple[date, ...]:
        from alphastock_cli.exchange import since

        day = self._moment.date()
        place = snapshots.nearest(self._lake, day, exchanges=_DERIVATIVES, underlying=underlying)
        if place is None:
            return ()
        names = [*_TERMS, "option_type"]
        rows = snapshots.rows_of(self._lake, place, underlying=underlying, columns=names)
        options = rows.filter(pl.col("option_type").is_not_null(), pl.col("expiry") >= day)
        listed = options["expiry"].unique().sort().to_list()
        gone = since.moved(_rules_of(underlying, place[0]), listed, place[1], day)
        return tuple(each for each in listed if each not in gone)


def _as_of(rows: pl.DataFrame, place: snapshots.Place, day: date) -> pl.DataFrame:
    """Return the contracts of a master with what was announced after it, up to `day`."""
    from alphastock_cli.exchange import contracts, since  # tables that equities do not need

    exchange, then = place
    gone: list[tuple[str, date]] = []
    lots: list[tuple[str, date, int | None]] = []
    terms = rows.select(_TERMS).unique()
    for (underlying,), part in terms.group_by("underlying"):
        symbol, listed = str(underlying), part["expiry"].to_list()
        ended = since.moved(_rules_of(symbol, exchange), listed, then, day)
        gone += [(symbol, each) for each in ended]
        for expiry in listed:
            if exchange not in _UNITS:  # the lot in which our multiplier counts, or none
                lots.append((symbol, expiry, contracts.lot_size(symbol, expiry, day)))
            elif (lot := since.new_lot(symbol, expiry, then, day)) is not None:
                lots.append((symbol, expiry, lot))
    dates = {"underlying": pl.String, "expiry": pl.Date}
    left = rows.join(pl.DataFrame(gone, schema=dates, orient="row"), on=_TERMS, how="anti",
                     maintain_order="left")  # fmt: skip
    newer = pl.DataFrame(lots, schema={**dates, "newer": pl.Int64}, orient="row")
    joined = left.join(newer, on=_TERMS, how="left", maintain_order="left")
    size = pl.coalesce("newer", "lot_size") if exchange in _UNITS else pl.col("newer")
    return joined.with_columns(lot_size=size).select(
        name for name in INSTRUMENTS.names() if name in rows.columns
    )


def _rules_of(symbol: str, exchange: Exchange) -> str:
    """Return the name under which the tables have the expiry rules of an underlying."""
    from alphastock_cli.exchange import contracts

    share = symbol not in contracts.symbols() and exchange is Exchange.NFO
    return contracts.STOCKS if share else symbol
