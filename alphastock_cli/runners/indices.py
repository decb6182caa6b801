"""Indices: daily rows in, one row an index out, with pivots, levels, RSI and correlation.

Pivots, levels, RSI, averages and correlation rest on days that are over; while a session is under
way only the value itself, its high and its low come from quotes. Formulas: `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.analytics import breadth, correlation, indicators, levels, pivots
from alphastock_cli.domain.data import Quote, Snapshot
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.domain.ports import Capability, Clock, MarketData
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.exchange.tables import read_table
from alphastock_cli.registry import RUNNERS
from alphastock_cli.runners._lookback import first_session
from alphastock_cli.runners.base import BaseRunner, RawData, RunnerPolicy

BASE = "NIFTY 50"  # what correlations are with
VIX = "INDIA VIX"  # rises when the market falls: no part of the sentiment

COLUMNS = (
    "index", "close", "change_pct", "high", "low", *pivots.NAMES, "support", "resistance", "rsi",
    "correlation_nifty50", "open", "previous_close", "change", "sma_50", "sma_200", "high_52w",
    "low_52w", "date",
)  # fmt: skip
_INDICATORS = ("rsi", "sma_50", "sma_200", "high_52w", "low_52w")
_ROWS = ("symbol", "exchange", "date", "open", "high", "low", "close", "previous_close")
_QUOTED = ("last_price", "open", "high", "low", "previous_close")
_QUOTES = pl.Schema(
    [
        ("symbol", pl.String()),
        ("time", pl.Datetime("us", "Asia/Kolkata")),
        *((name, pl.Float64()) for name in _QUOTED),
    ]
)
_SEGMENT = calendar.Segment.EQUITY
_FORTNIGHT = timedelta(days=14)
_FEW = 12  # a correlation of each with each stays readable


def schema() -> dict[str, pl.DataType]:
    """Return the type of each column of the enriched frame."""
    types: dict[str, pl.DataType] = {name: pl.Float64() for name in COLUMNS}
    lists: dict[str, pl.DataType] = dict.fromkeys(("support", "resistance"), pl.List(pl.Float64()))
    return types | lists | {"index": pl.String(), "date": pl.Date()}


@RUNNERS.register("indices")
class IndexRunner(BaseRunner):
    """Daily indices, and their value of the day under way where the provider quotes them.

    Parameters
    ----------
    provider, clock, symbols, policy
        As `BaseRunner` takes them; names in any spelling.
    live : bool
        False leaves the day under way out, for whoever asks for the quotes himself.
    """

    def __init__(
        self,
        provider: MarketData,
        *,
        clock: Clock,
        symbols: Sequence[str] = (),
        policy: RunnerPolicy | None = None,
        live: bool = True,
    ) -> None:
        super().__init__(provider, clock=clock, symbols=symbols, policy=policy)
        self.live = live
        self._made: tuple[pl.DataFrame, pl.DataFrame] | None = None

    def get_asset_type(self) -> AssetType:
        """Return `AssetType.INDEX`."""
        return AssetType.INDEX

    # -- fetch --------------------------------------------------------------------------------

    def fetch_market_data(self, symbols: Sequence[str]) -> RawData:
        """Read the look-back of `symbols` (all when empty) and quotes newer than its last day.

        Names in any spelling, also a derivative's symbol. ``rows`` also hold `BASE`, which
        correlations need; ``asked`` holds the names that count.
        """
        as_of = self.provider.as_of()
        wanted = {name: canonical_index(name) for name in symbols}
        names = sorted({*wanted.values(), BASE}) if wanted else None
        rows = self._rows(names, as_of.date())
        newest = rows.filter(pl.col("date") == pl.col("date").max())
        held = set(newest["symbol"])
        asked = sorted(held.intersection(wanted.values()) if wanted else held)
        quotes = self._quotes(newest.filter(pl.col("symbol").is_in(asked)), as_of)
        if newest.height and quotes.is_empty():
            as_of = min(as_of, calendar.known_from(_SEGMENT, newest["date"][0]))
        return RawData(
            as_of=as_of,
            source=self.provider.name,
            simulated=self.provider.simulated,
            frames={
                "rows": rows,
                "quotes": quotes,
                "asked": pl.DataFrame({"symbol": asked}, schema={"symbol": pl.String}),
            },
            failures={
                name: f"{name}: no index of that name in the last session up to {as_of:%Y-%m-%d}"
                for name, canonical in wanted.items()
                if canonical not in held
            },
        )

    def _rows(self, names: Sequence[str] | None, day: date) -> pl.DataFrame:
        """Return the look-back up to the last day that is over, sorted by symbol and date."""
        last = self._last_day(names, day)
        start = None if last is None else first_session(_SEGMENT, last, _bars())
        lazy = self.provider.indices_day(symbols=names, start=start, end=last or day)
        known = lazy.filter(pl.col("close").is_not_null()).select(_ROWS)
        return collect(known.sort("symbol", "date"), what=self.provider.name)

    def _last_day(self, names: Sequence[str] | None, day: date) -> date | None:
        for start in (day - _FORTNIGHT, None):
            lazy = self.provider.indices_day(symbols=names, start=start, end=day)
            known = lazy.filter(pl.col("close").is_not_null())
            found = collect(known.select(pl.col("date").max()), what=self.provider.name)
            if found["date"][0] is not None:
                newest: date = found["date"][0]
                return newest
        return None

    def _quotes(self, newest: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
        """Return the quotes of a day later than the last one that is over; none is no error."""
        quoted = self.live and Capability.QUOTES in self.provider.capabilities
        if not quoted or newest.is_empty() or as_of.date() <= newest["date"][0]:
            return pl.DataFrame(schema=_QUOTES)
        day = newest["date"][0]
        keys = {f"{row['exchange']}:{row['symbol']}": row["symbol"] for row in newest.to_dicts()}
        found = [
            {"symbol": keys[key], "time": quote.time}
            | {name: getattr(quote, name) for name in _QUOTED}
            for key, quote in self.provider.quotes(list(keys)).items()
            if quote.last_price is not None and quote.time.astimezone(calendar.IST).date() > day
        ]
        return pl.DataFrame(found, schema=_QUOTES).fill_nan(None)

    # -- enrich -------------------------------------------------------------------------------

    def enrich(self, raw: RawData) -> pl.DataFrame:
        """Return one row an index asked for, sorted by name, in the columns of `COLUMNS`.

        Where a quote of a later day is known, value, open, high, low and previous close are the
        quote's; everything else rests on days that are over, of which ``date`` is the last.
        """
        asked = raw.frames["asked"]["symbol"]
        rows = raw.frames["rows"]
        moves = correlation.returns(rows)
        rows_asked = rows.filter(pl.col("symbol").is_in(asked.implode()))
        last = indicators.latest(rows_asked, _INDICATORS)
        last = last.filter(pl.col("date") == pl.lit(rows["date"].max(), pl.Date))
        points = pivots.classic(pl.col("high"), pl.col("low"), pl.col("close"))
        made = _with_quotes(last.with_columns(**points), raw.frames["quotes"])
        prices = made.select("symbol", price="close")
        made = made.join(levels.nearest(rows.join(prices, on="symbol")), on="symbol", how="left")
        base = correlation.pairs(moves, moves.filter(pl.col("symbol") == BASE))
        made = made.join(
            base.select("symbol", correlation_nifty50="correlation"), on="symbol", how="left"
        ).with_columns(
            change=pl.col("close") - pl.col("previous_close"),
            change_pct=indicators.change_pct(pl.col("close"), pl.col("previous_close")),
        )
        frame = made.rename({"symbol": "index"}).select(COLUMNS).cast(pl.Schema(schema()))
        chosen = moves.filter(pl.col("symbol").is_in(_compared(frame["index"].to_list())))
        self._made = frame, correlation.pairs(chosen, chosen)
        return frame

    def process_data(self, raw: RawData) -> dict[str, Snapshot]:
        """Return a snapshot an index: instrument, quote, facts."""
        exchanges = dict(raw.frames["rows"].select("symbol", "exchange").unique().iter_rows())
        times = dict(raw.frames["quotes"].select("symbol", "time").iter_rows())
        found: dict[str, Snapshot] = {}
        for row in self.enrich(raw).iter_rows(named=True):
            name = row["index"]
            instrument = Instrument(
                exchange=Exchange(exchanges[name]),
                tradingsymbol=name,
                asset_type=AssetType.INDEX,
            )
            known = min(raw.as_of, calendar.known_from(_SEGMENT, row["date"]))
            at = times.get(name, known)
            found[name] = Snapshot(
                instrument=instrument,
                as_of=at,
                source=raw.source,
                simulated=raw.simulated,
                quote=_quote(instrument.key, row, at),
                facts=MappingProxyType(row),
            )
        return found

    # -- summary ------------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """Return sentiment and correlations of the latest run; empty before one.

        The sentiment is the score of `breadth.sentiment` over the indices, INDIA VIX left out.
        ``correlation`` maps an index to the others and their correlations, of those with
        derivatives where there are more than twelve.
        """
        if self._made is None:
            return {}
        frame, pairs = self._made
        facts: dict[str, Any] = dict(breadth.breadth(frame.filter(pl.col("index") != VIX)))
        vix = frame.filter(pl.col("index") == VIX).to_dicts()
        facts["vix"] = vix[0]["close"] if vix else None
        facts["vix_change_pct"] = vix[0]["change_pct"] if vix else None
        table: dict[str, dict[str, float | None]] = {}
        for name, other, value in pairs.iter_rows():
            table.setdefault(name, {})[other] = value
        facts["correlation"] = table
        return facts


def _bars() -> int:
    return max(indicators.lookback(_INDICATORS), correlation.SPAN + 1, levels.WINDOW)


def _with_quotes(last: pl.DataFrame, quotes: pl.DataFrame) -> pl.DataFrame:
    """Return `last` with the day under way laid over the last day that is over, where quoted.

    What a quote does not say of its day is not known: yesterday's high is no high of today.
    """
    both = last.join(quotes, on="symbol", how="left", suffix="_quoted")
    live = pl.col("last_price").is_not_null()
    day = {
        name: pl.when(live).then(f"{name}_quoted").otherwise(name)
        for name in ("open", "high", "low")
    }
    return both.with_columns(
        **day,
        close=pl.coalesce("last_price", "close"),
        # the close of the last day that is over is what a later day is measured against
        previous_close=pl.when(live)
        .then(pl.coalesce("previous_close_quoted", "close"))
        .otherwise("previous_close"),
    )


def _compared(names: Sequence[str]) -> list[str]:
    """Return the indices whose correlations are worth a table: all of a few, else the main ones."""
    if len(names) <= _FEW:
        return list(names)
    main = {row["index"] for row in read_table("index_names") if row["derivative"]} | {VIX}
    return [name for name in names if name in main]


def _quote(key: str, row: Mapping[str, Any], at: datetime) -> Quote:
    return Quote(
        key=key,
        time=at,
        last_price=row["close"],
        open=row["open"],
        high=row["high"],
        low=row["low"],
        previous_close=row["previous_close"],
    )
