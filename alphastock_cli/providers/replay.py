"""A stored day as a live source: candles and chains become known as the clock passes them.

Earlier days are told as they were known the evening before; nothing looks ahead. It stands on the
lake alone and stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import ClassVar, NamedTuple

import polars as pl

from alphastock_cli.analytics.resample import with_ends
from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.frames import INSTRUMENTS, collect, conform
from alphastock_cli.domain.instrument import Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, Clock
from alphastock_cli.errors import OutOfRange, ProviderError, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.registry import PROVIDERS
from alphastock_cli.store import candles as stored
from alphastock_cli.store import chains
from alphastock_cli.store.candle_names import is_index
from alphastock_cli.store.chain_day import DayChains, ReplayedChains
from alphastock_cli.store.days import StoredDays, main_series
from alphastock_cli.store.futures import StoredFutures
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import DAILY
from alphastock_cli.store.tape import Tape

_EQUITY = calendar.Segment.EQUITY
_NEAR = 3  # days with candles named on either side of one without
# the official close is the average of the last half hour: a candle of then stands for it
_CLOSING = timedelta(minutes=30)


class DaySession(NamedTuple):
    """From when to when the day is traded, both aware."""

    opens: datetime
    closes: datetime


@PROVIDERS.register("replay")
class Replay(ReplayedChains, StoredFutures, StoredDays):
    """One stored day, as of the clock.

    Parameters
    ----------
    lake : Lake
        The store.
    clock : Clock
        Its present is the present of the replay: before the opening nothing of the day is known,
        after the close all of it.
    day : date
        The day; candles or chains of it must be stored.

    Attributes
    ----------
    session : DaySession
        Opening and last close of the day: of the calendar, widened by what is stored outside it.
    capabilities : frozenset
        With `Capability.CHAIN` where snapshots of the day are stored.

    Raises
    ------
    ProviderError
        Neither candles nor chains of the day are stored, or it is still to come.
    """

    name: ClassVar[str] = "replay"
    simulated: ClassVar[bool] = False
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.INSTRUMENTS,
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.EQUITIES_DAY,
            Capability.INDICES_DAY,
            Capability.CANDLE_MARKET,
        }
    )

    def __init__(self, lake: Lake, clock: Clock, day: date) -> None:
        self._lake, self._clock, self.day = lake, clock, day
        self._moment = datetime.combine(day, time(), calendar.IST)  # all of earlier days, no more
        if day > clock.now().astimezone(calendar.IST).date():
            raise ProviderError(
                f"{day} is still to come: it cannot be replayed",
                hint="Choose a stored day: --provider replay:DATE.",
            )
        self._day = stored.of_day(lake, day)
        self._chains = DayChains(lake, day, self.as_of)
        if not self._day and self._chains.span is None:
            raise _nothing(lake, day)
        self._tapes = _tapes(self._day)
        self._whole: dict[tuple[str, Interval], tuple[date, Tape]] = {}
        ends = [(tape.candles["time"][0], tape.over) for tape in self._tapes.values()]
        self.session = _session(day, ends + ([self._chains.span] if self._chains.span else []))
        if self._chains.span:  # what a day can tell depends on what is stored of it
            vars(self)["capabilities"] = self.capabilities | {Capability.CHAIN}

    def as_of(self) -> datetime:
        """Return the clock's present, the close of the day where that has passed."""
        return min(self._clock.now().astimezone(calendar.IST), self.session.closes)

    def symbols(self) -> tuple[str, ...]:
        """Return the keys of which candles of the day are stored, sorted."""
        return tuple(sorted(self._tapes))

    # -- the day ------------------------------------------------------------------------------

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the day so far by key; left out before the first candle is over.

        The last price is the close of the last final candle; nobody stored bids and asks.
        """
        now, found = self.as_of(), {}
        for key in keys:
            tape = self._tapes.get(key)
            quote = tape.quote(now, self._closes.get(key)) if tape else None
            if quote is not None:
                found[key] = quote
        return found

    def candle(self, key: str) -> Candle | None:
        """Return the last final candle of an instrument, of the finest stored; None before it."""
        tape = self._tapes.get(key)
        return None if tape is None else tape.candle(self.as_of())

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Return candles that begin inside ``[start, end)`` and are over, of that day and before.

        Days are those before the replayed one, of futures as well.

        Raises
        ------
        UsageError
            `start` or `end` is naive.
        NotOffered
            Nothing is stored that makes candles of `interval`; the message says what is.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise UsageError(f"candles need aware times, got {start} and {end}")
        if interval is Interval.DAY and instrument.expiry is not None:
            return self.future_days(instrument, start, end)
        if interval is Interval.DAY:
            return self.day_candles(instrument, start, end)
        tape = self._tape(instrument, interval, start.astimezone(calendar.IST).date())
        found = tape.slice(start, end, self.as_of())
        if found.is_empty() and tape.candles.is_empty():
            stored.refuse_unstored(self._lake, instrument, interval)
        return found

    def _tape(self, instrument: Instrument, interval: Interval, first: date) -> Tape:
        """Return the candles from a day on, as far as the replayed day reaches; read once."""
        held = self._whole.get((instrument.key, interval))
        if held is None or held[0] > first:
            before = stored.ended_candles(
                self._lake, instrument, interval, start=first, end=self.day - timedelta(days=1)
            )
            symbol, exchange = stored.symbol_of(instrument), instrument.exchange.value
            mine = {
                source: frame.filter(pl.col("symbol") == symbol, pl.col("exchange") == exchange)
                for source, frame in self._day.items()
            }
            today = stored.chosen(mine, interval, calendar.segment_of(instrument.exchange))
            named = today.with_columns(symbol=pl.lit(instrument.tradingsymbol))
            held = first, Tape(instrument.key, pl.concat([before, named]).rechunk())
            self._whole[instrument.key, interval] = held
        return held[1]

    # -- what does not move -------------------------------------------------------------------

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        """Return the shares of the last stored session before, and whatever has candles."""
        listed = super().instruments(exchange)
        known = set(listed["tradingsymbol"])
        keys = [key.partition(":")[2] for key in self.symbols() if key.startswith(f"{exchange}:")]
        more = pl.DataFrame(
            [
                {
                    "exchange": exchange.value, "tradingsymbol": symbol, "lot_size": 1,
                    "asset_type": "index" if is_index(symbol, exchange) else "equity",
                    "sector": self._sectors.get(symbol),
                }
                for symbol in keys
                if symbol not in known and exchange in {Exchange.NSE, Exchange.BSE}
            ],
            schema_overrides={"sector": pl.String},
        )  # fmt: skip
        if more.is_empty():
            return listed
        return pl.concat([listed, conform(more, INSTRUMENTS, what="replay instruments")])

    def members(self, index: str, on: date) -> tuple[str, ...] | None:
        """Return the members of an index on a day, at the latest the replayed one."""
        return super().members(index, min(on, self.day))

    @property
    def _told(self) -> date:
        """The replayed day: its splits and new names were announced before its opening."""
        return self.day

    @cached_property
    def _closes(self) -> dict[str, float]:
        """Closes of the session before by key: of its daily rows, else of its last candles."""
        try:
            before = calendar.previous_session(_EQUITY, self.day)
        except OutOfRange:
            return {}
        found: dict[str, float] = {}
        ends = calendar.known_from(_EQUITY, before)
        for key, tape in _tapes(stored.of_day(self._lake, before)).items():
            last = tape.candle(ends)
            if last is not None and last.end > ends - _CLOSING:
                found[key] = last.close
        days = [collect(self.indices_day(start=before, end=before), what=self.name)]
        for exchange in (Exchange.NSE, Exchange.BSE):
            lazy = self.equities_day(exchange=exchange, start=before, end=before)
            days.append(main_series(collect(lazy, what=self.name), "symbol"))
        for rows in days:
            named = rows.select("exchange", "symbol", "close").drop_nulls().rows()
            found |= {f"{exchange}:{symbol}": close for exchange, symbol, close in named}
        return found | {key: found[key] * factor for key, factor in self._splits if key in found}

    @property
    def _splits(self) -> list[tuple[str, float]]:
        """Keys and factors of the replayed day: the exchange's own previous close bears them."""
        rows = collect(
            self._lake.scan("adjustments").filter(
                (pl.col("ex_date") == self.day) & pl.col("factor").is_not_null()
            ),
            what="adjustments",
        )
        believed = rows.sort(pl.col("source") == "detected").group_by("exchange", "symbol").last()
        named = believed.select("exchange", "symbol", "factor").rows()
        return [(f"{exchange}:{symbol}", factor) for exchange, symbol, factor in named]


def _tapes(by_interval: Mapping[Interval, pl.DataFrame]) -> dict[str, Tape]:
    """Return the finest candles of each key."""
    found: dict[str, Tape] = {}
    for interval, frame in by_interval.items():
        for (exchange, symbol), part in frame.group_by("exchange", "symbol", maintain_order=True):
            key = f"{exchange}:{symbol}"
            if key not in found and exchange in set(Exchange):
                segment = calendar.segment_of(Exchange(str(exchange)))
                found[key] = Tape(key, with_ends(part, interval, segment))
    return found


def _session(day: date, stretches: Sequence[tuple[datetime, datetime]]) -> DaySession:
    """Return opening and close of the day, by the calendar and by what is stored of it."""
    first, last = min(begin for begin, _ in stretches), max(end for _, end in stretches)
    try:
        known = calendar.session(_EQUITY, day)
    except OutOfRange:
        known = None
    if known is None or known.opens is None or known.final_at is None:
        return DaySession(first, last)
    return DaySession(min(known.opens, first), max(known.final_at, last))


def _nothing(lake: Lake, day: date) -> ProviderError:
    """Return why a day cannot be replayed: what is stored of it, and which days near it could."""
    daily = []
    for dataset in sorted(DAILY):
        count = lake.scan(dataset, start=day, end=day).select(pl.len())
        rows = collect(count, what=dataset).item()
        if rows:
            daily.append(f"{rows} rows of {dataset}")
    held = ", ".join(daily)
    what = f"only days are stored of it ({held})" if held else "nothing is stored of it"
    try:
        shut = calendar.session(_EQUITY, day) is None
    except OutOfRange:
        shut = False
    days = sorted({*stored.days_held(lake, around=day), *chains.days_held(lake, around=day)})
    near = [d for d in days if d < day][-_NEAR:] + [d for d in days if d > day][:_NEAR]
    hint = (
        f"Candles or chains are stored of {', '.join(map(str, near))}."
        if near
        else "Load some with `alphastock fetch candles --from-file FILE`."
    )
    closed = ", the exchange was closed" if shut else ""
    return ProviderError(f"{day} cannot be replayed: {what}{closed}", hint=hint)
