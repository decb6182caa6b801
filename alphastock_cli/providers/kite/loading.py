"""What a load of candles into the lake asks of Kite: checked answers, their cost, what was odd.

Mixed into the provider. Which days are asked for, and what is stored, is the action's business.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.errors import NotOffered, ProviderError, UnknownName
from alphastock_cli.providers.kite import history
from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.day_rules import told_of
from alphastock_cli.providers.kite.dump import Dump, near
from alphastock_cli.providers.kite.facts import history_days, limits
from alphastock_cli.store.candle_checks import CandleFile

JOINED = (Exchange.NFO, Exchange.MCX)  # whose expired futures Kite joins
_RANGES = pl.Schema({"exchange": pl.String, "symbol": pl.String, "date": pl.Date,
                     "high": pl.Float64, "low": pl.Float64})  # fmt: skip
_SKEW = 2.0  # seconds two clocks may differ before it is worth a word


class Loading:
    """Candles for the lake."""

    connection: Connection
    dump: Dump
    grace: timedelta

    @abstractmethod
    def as_of(self) -> datetime:
        """Return the moment."""

    @abstractmethod
    def is_now(self) -> bool:
        """Tell whether the moment is the present one, of which there are quotes."""

    @abstractmethod
    def full_quotes(
        self, keys: Sequence[str], *, tries: int | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return Kite's own full quotes of listed keys; `tries` bounds how often a call is made."""

    @abstractmethod
    def answer(
        self,
        row: dict[str, Any],
        interval: Interval,
        span: tuple[date, date],
        *,
        continuous: bool = False,
        oi: bool = False,
    ) -> list[list[Any]]:
        """Return the rows of one call, as Kite tells them."""

    def listed(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        """Return the row of an instrument in today's list; see `Dump.find`."""
        return self.dump.find(exchange, symbol)

    def longest(self, interval: Interval) -> int:
        """Return the days one call may span."""
        return history_days(interval, self.as_of().date())

    def final_before(self) -> datetime:
        """Return the moment before which a candle has to be over to be final."""
        return self.as_of() - self.grace

    def joined(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        """Return the nearest live future of an underlying, or of that of a contract's name.

        With its number Kite joins the expired ones; which it joins to a later one it does not say.

        Raises
        ------
        NotOffered
            Kite joins no contracts there, or those are no futures.
        UnknownName
            No such contract, and no future on it; the nearest names are told.
        """
        if exchange not in JOINED:
            raise NotOffered(
                f"Kite joins only the futures of {' and '.join(JOINED)}: of {exchange} it has no"
                " continuous series",
                safe="Nothing was asked for.", hint="e.g. NIFTY --exchange NFO --continuous",
            )  # fmt: skip
        rows = self.dump.of(exchange).filter(pl.col("expiry") >= self.as_of().date())
        name = symbol.strip().upper()
        named = rows.filter(tradingsymbol=name)
        if named.height and named["option_type"][0] is not None:
            raise NotOffered(
                f"{name} is an option: Kite joins futures alone",
                safe="Nothing was asked for.", hint="Leave --continuous out.",
            )  # fmt: skip
        underlying = named["underlying"][0] if named.height else name
        futures = rows.filter(pl.col("option_type").is_null(), pl.col("underlying") == underlying)
        if futures.is_empty():
            known = rows.filter(pl.col("option_type").is_null())["underlying"].unique().sort()
            raise UnknownName.of(f"{exchange} future", symbol[:60], near(known, symbol),
                                 hint="Name an underlying or one of its futures.")  # fmt: skip
        return futures.sort("expiry", "tradingsymbol").row(0, named=True)

    def checked(
        self,
        row: dict[str, Any],
        interval: Interval,
        span: tuple[date, date],
        *,
        oi: bool = False,
        continuous: bool = False,
    ) -> CandleFile:
        """Return the candles of one call that are good and final, and the others with reasons.

        `continuous` is of days alone.
        """
        asked = self.final_before()
        answer = self.answer(row, interval, span, oi=oi, continuous=continuous)
        if not interval.is_intraday:
            return history.checked_days(
                answer, symbol=row["tradingsymbol"], exchange=Exchange(row["exchange"]), span=span,
                now=asked, index=row["asset_type"] == AssetType.INDEX,
                steady=row["option_type"] is None,
            )  # fmt: skip
        return history.checked(
            answer, symbol=row["tradingsymbol"], exchange=Exchange(row["exchange"]),
            interval=interval, span=span, now=asked, steady=row["option_type"] is None,
        )  # fmt: skip

    def last_ranges(self, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
        """Return ``exchange, symbol, date, high, low`` of the last session, by one look at quotes.

        Rupees; `symbol` is the name in the list. Rows without a trade are left out, and all of them
        where quotes cannot be had now: they only bear witness of candles.

        Raises
        ------
        AuthError
            The login ended.
        """
        found: dict[str, dict[str, Any]] = {}
        if self.is_now():
            with suppress(ProviderError):
                found = self.full_quotes([_key(row) for row in rows], tries=1)
        made = []
        for row in rows:
            quote = found.get(_key(row))
            told = None if quote is None else told_of(
                quote, index=row["asset_type"] == AssetType.INDEX
            )  # fmt: skip
            if told is not None and told.day is not None:
                made.append((row["exchange"], row["tradingsymbol"], told.day, told.high, told.low))
        return pl.DataFrame(made, schema=_RANGES, orient="row").drop_nulls()

    def pace(self) -> tuple[int, float]:
        """Return how many calls for candles Kite takes in how many seconds."""
        tightest = limits(self.as_of().date())["historical"][0]
        return tightest.calls, tightest.seconds

    def use(self) -> dict[str, Any]:
        """Return what other processes use of that now: calls, who waits, seconds of a pause."""
        found = next(each for each in self.connection.budget.usage() if each.name == "historical")
        return {"budget_used": found.used, "budget_waiting": found.waiting,
                "budget_paused": round(found.paused, 1)}  # fmt: skip

    def remarks(self) -> list[str]:
        """Return what a person should know of the answers so far."""
        texts = [*self.dump.warnings, *self.connection.remarks()]
        skew = self.connection.skew
        if skew is not None and abs(skew) > _SKEW:
            ahead = "behind" if skew > 0 else "ahead of"
            texts.append(f"this machine's clock is {abs(skew):.0f} s {ahead} Kite's")
        return texts


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['exchange']}:{row['tradingsymbol']}"
