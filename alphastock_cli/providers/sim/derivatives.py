"""The derivatives of the simulated exchange as frames and quotes of the domain.

Nothing random and nothing remembered here: what one session holds is in `books.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from alphastock_cli.domain.frames import CHAIN, INSTRUMENTS, column, conform
from alphastock_cli.providers.sim import chain
from alphastock_cli.providers.sim.books import Books, Now
from alphastock_cli.providers.sim.contracts import Terms, Underlying
from alphastock_cli.providers.sim.days import Array
from alphastock_cli.providers.sim.depth import per_rupee, rupees
from alphastock_cli.providers.sim.kept import Kept

FUTURES = pl.Schema(
    {
        "tradingsymbol": pl.String(),
        "expiry": pl.Date(),
        "last_price": pl.Float64(),
        "bid": pl.Float64(),
        "ask": pl.Float64(),
        "volume": pl.Int64(),  # units traded in the session
        "open_interest": pl.Int64(),  # units
        "oi_change": pl.Int64(),  # units, against the session before
        "lot_size": pl.Int64(),
    }
)
_CHAIN_NAMES = ("tradingsymbol", "underlying", "expiry", "strike", "option_type", "lot_size")
_LISTING = pl.Schema(
    {
        name: INSTRUMENTS[name]
        for name in ("tradingsymbol", "asset_type", "lot_size", "tick_size", "underlying", "expiry",
                     "strike", "option_type")
    }
)  # fmt: skip
_NAMES_KEPT = 256


class Derivatives:
    """Futures and options of a cash market, as they are asked for."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._names: Kept[pl.DataFrame] = Kept(_NAMES_KEPT)

    def instruments(self, at: Now) -> pl.DataFrame:
        """Return every contract listed: futures of the near months, then options, by underlying."""
        books, parts = self._books, []
        for of in books.underlyings.values():
            made = [books.terms(of, item, at) for item in books.expiries(of, at)]
            parts.append(_futures([terms for terms in made if terms.has_future]))
            parts.extend(_options(terms) for terms in made)
        frame = pl.concat(parts).with_columns(name=pl.col("underlying"), exchange=pl.lit("NFO"))
        return conform(frame, INSTRUMENTS, what="sim instruments")

    def option_chain(self, of: Underlying, expiry: date, at: Now) -> pl.DataFrame:
        """Return the `CHAIN` frame of one expiry at the moment."""
        books = self._books
        terms = books.terms(of, books.expiry(of, expiry, at), at)
        names = self._names.get(
            (terms.code, at.number), lambda: _options(terms).select(_CHAIN_NAMES)
        )
        if not terms.held:  # listed for the session to come: nothing is known of it yet
            return conform(names, CHAIN, what="sim chain")
        held, board = books.held(terms, at), books.board(books.held(terms, at), at)
        cut, unit, lot = held.shown, terms.option_tick, terms.lot
        oi, volume = (part[cut] for part in books.flow(held, at))
        made = {
            "last_price": _rupees(board.last[cut], unit),
            "volume": volume * lot,
            "open_interest": oi * lot,
            "oi_change": (oi - held.flow.before[cut]) * lot,
        }
        if at.under_way:
            units = books.book(held, at)[cut, ..., 0] * lot
            made |= {
                "bid": _rupees(board.bid[cut], unit),
                "ask": _rupees(board.ask[cut], unit),
                "bid_quantity": units[..., 0],
                "ask_quantity": units[..., 1],
            }
        frame = names.with_columns([column(name, part) for name, part in made.items()])
        traded = pl.lit(books.traded(of, at)).dt.convert_time_zone("Asia/Kolkata")
        rules = [pl.when(pl.col("volume") > 0).then(traded).alias("last_trade_time")]
        if at.under_way:  # below one tick nobody bids
            rules += [pl.when(pl.col("bid") > 0).then(pl.col("bid", "bid_quantity"))]
        return conform(frame.with_columns(rules), CHAIN, what="sim chain")

    def previous_closes(self, of: Underlying, expiry: date, at: Now) -> pl.DataFrame | None:
        """Return what options were worth at the end of the session before, None if not listed."""
        books = self._books
        terms = books.terms(of, books.expiry(of, expiry, at), at)
        if not terms.held or not books.listed_before(terms, at):
            return None
        held = books.held(terms, at)
        strikes = held.strikes[held.shown]
        worth = chain.values(terms, books.market_before(of, at), strikes, 0)
        last = chain.ticks(worth, terms.option_tick)
        return pl.DataFrame(
            {
                "strike": column("strike", np.repeat(strikes, 2)),
                "option_type": ["CE", "PE"] * len(strikes),
                "previous_close": column("previous_close", _rupees(last, terms.option_tick)),
            }
        )

    def futures(self, of: Underlying, at: Now) -> pl.DataFrame:
        """Return the futures of an underlying, nearest first, in the schema `FUTURES`."""
        rows = []
        for item in self._books.expiries(of, at):
            terms = self._books.terms(of, item, at)
            if not terms.has_future:
                continue
            row = {"tradingsymbol": terms.future, "expiry": terms.expiry, "lot_size": terms.lot}
            if terms.held:
                last, bid, ask = chain.future_ticks(terms, self._books.market_now(of, at), at.state)
                before, oi, volume = self._books.future_flow(terms, at)
                tick = terms.future_tick
                row |= {
                    "last_price": rupees(last, tick),
                    "bid": rupees(bid, tick) if at.under_way else None,
                    "ask": rupees(ask, tick) if at.under_way else None,
                    "volume": volume * terms.lot,
                    "open_interest": oi * terms.lot,
                    "oi_change": (oi - before) * terms.lot,
                }
            rows.append(row)
        return pl.DataFrame(rows, schema=FUTURES)


def _options(terms: Terms) -> pl.DataFrame:
    """Return the options of an expiry as rows of the listing, CE before PE."""
    strikes = terms.strikes
    return pl.DataFrame(
        {
            "tradingsymbol": terms.options(),
            "strike": column("strike", np.repeat(strikes, 2)),
            "option_type": ["CE", "PE"] * len(strikes),
        }
    ).select(
        "tradingsymbol", pl.lit("options").alias("asset_type"),
        pl.lit(terms.lot, pl.Int64).alias("lot_size"),
        pl.lit(terms.option_tick).alias("tick_size"),
        pl.lit(terms.of.symbol).alias("underlying"), pl.lit(terms.expiry).alias("expiry"),
        "strike", "option_type",
    )  # fmt: skip


def _futures(made: Sequence[Terms]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (t.future, "futures", t.lot, t.future_tick, t.of.symbol, t.expiry, None, None)
            for t in made
        ],
        schema=_LISTING,
        orient="row",
    )


def _rupees(ticks: Array, tick: float) -> Array:
    """Return prices in rupees, flat, each the float nearest to its decimal."""
    flat = ticks.ravel()
    return flat / per_rupee(tick) if tick < 1.0 else flat * tick
