"""What the sandbox lists: the market's instruments with Kite's tokens, and the daily CSV of them.

A token is ``exchange_token * 256 + segment``; exchange tokens come from a hash of the key, so that
an instrument keeps its token from run to run.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zlib import crc32

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.providers.kite.facts import index_tokens
from alphastock_cli.runners._derivatives import has_derivatives

if TYPE_CHECKING:
    import polars as pl

SEGMENTS = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "BCD": 6, "MCX": 7}
INDICES = 9
COLUMNS = (
    "instrument_token", "exchange_token", "tradingsymbol", "name", "last_price", "expiry",
    "strike", "tick_size", "lot_size", "instrument_type", "segment", "exchange",
)  # fmt: skip
_DERIVED = frozenset({"NFO", "BFO", "CDS", "BCD", "MCX"})
_BITS = 23  # of an exchange token: a token fits into 31, signed or not
_LOOK_BACK = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Listed:
    """An instrument and the numbers Kite knows it by."""

    instrument: Instrument
    exchange_token: int
    segment: str
    is_index: bool = False

    @property
    def key(self) -> str:
        """``EXCHANGE:TRADINGSYMBOL``."""
        return self.instrument.key

    @property
    def token(self) -> int:
        """The number of the ticker and of the candles."""
        return self.exchange_token * 256 + self._byte

    @property
    def _byte(self) -> int:
        return INDICES if self.is_index else SEGMENTS[self.instrument.exchange.value]

    @property
    def kind(self) -> str:
        """Kite's instrument type: EQ, FUT, CE or PE."""
        if self.instrument.option_type is not None:
            return self.instrument.option_type.value
        return "FUT" if self.instrument.exchange.value in _DERIVED else "EQ"


class Listing:
    """The instruments of one market day, by key and by token."""

    def __init__(self, market: MarketData) -> None:
        self._market = market
        self.day: date = market.as_of().date()

    @cached_property
    def by_key(self) -> dict[str, Listed]:
        """Every instrument by its key."""
        found: dict[str, Listed] = {}
        frames = {exchange: self._listed(exchange) for exchange in Exchange}
        shares = _with_futures(frames[Exchange.NFO], self.day)
        for frame in frames.values():
            taken: set[int] = set()
            for row in frame.sort("tradingsymbol").iter_rows(named=True):
                item = _listed(row, taken, shares)
                if item is not None:
                    found[item.key] = item
        for item in self._indices():
            found.setdefault(item.key, item)
        return found

    @cached_property
    def by_token(self) -> dict[int, Listed]:
        """Every instrument by its token."""
        return {item.token: item for item in self.by_key.values()}

    def csv(self, exchange: str = "") -> bytes:
        """Return the list of an exchange, or of all; only the header where nothing is listed."""
        text = io.StringIO()
        write = csv.writer(text, lineterminator="\n")
        write.writerow(COLUMNS)
        for item in self.by_key.values():
            if not exchange or item.instrument.exchange == exchange:
                write.writerow(_row(item))
        return text.getvalue().encode()

    def nearest_future(self, item: Listed) -> Listed:
        """Return the first of the futures on the underlying of one to end."""
        made = item.instrument
        alike = [
            each for each in self.by_key.values()
            if each.kind == "FUT" and each.instrument.underlying == made.underlying
            and each.instrument.exchange is made.exchange
        ]  # fmt: skip
        return min(alike, key=lambda each: (each.instrument.expiry or date.max, each.key))

    def _listed(self, exchange: Exchange) -> pl.DataFrame:
        """Return what the market lists, with the futures of which it has days alone."""
        frame = self._market.instruments(exchange)
        stored = getattr(self._market, "listed_futures", None)
        if stored is None or exchange.value not in _DERIVED or frame.height:
            return frame
        found: pl.DataFrame = stored(exchange)
        return found

    def _indices(self) -> list[Listed]:
        rows = self._market.indices_day(start=self.day - _LOOK_BACK, end=self.day)
        names = rows.select("exchange", "symbol").unique().sort("exchange", "symbol").collect()
        built_in = {name: token // 256 for name, token in index_tokens(self.day).items()}
        found, taken = [], set(built_in.values())
        for exchange, symbol in names.iter_rows():
            if exchange not in {"NSE", "BSE"}:
                continue
            known = built_in.get(canonical_index(symbol)) if exchange == "NSE" else None
            number = known or _number(f"{exchange}:{symbol}", taken)
            instrument = Instrument(
                exchange=Exchange(exchange), tradingsymbol=symbol, name=symbol,
                asset_type=AssetType.INDEX, tick_size=Decimal("0.05"),
            )  # fmt: skip
            found.append(Listed(instrument, number, "INDICES", is_index=True))
        return found


def _with_futures(rows: pl.DataFrame, day: date) -> frozenset[str] | None:
    """Return the symbols of which there are futures that have not ended; None without any."""
    alive = rows.filter(rows["option_type"].is_null() & (rows["expiry"] >= day))
    return frozenset(alive["underlying"].drop_nulls()) or None


def _listed(row: dict[str, Any], taken: set[int], shares: frozenset[str] | None) -> Listed | None:
    """Return a row of the market's frame with its token; None for one no exchange could list.

    Parameters
    ----------
    shares : frozenset of str or None
        What has futures on NFO: a share of it closes earlier. None where none are listed.
    """
    exchange, symbol = Exchange(row["exchange"]), row["tradingsymbol"]
    index = row["asset_type"] == AssetType.INDEX
    option = row["option_type"]
    try:
        instrument = Instrument(
            exchange=exchange, tradingsymbol=symbol,
            asset_type=AssetType(row["asset_type"]), name=row["name"] or "",
            series=row["series"] or "", isin=row["isin"] or "", lot_size=row["lot_size"] or 1,
            tick_size=Decimal(repr(row["tick_size"])) if row["tick_size"] else Decimal("0.05"),
            underlying=row["underlying"] or "", expiry=row["expiry"],
            strike=None if row["strike"] is None else Decimal(repr(row["strike"])),
            option_type=None if option is None else OptionType(option),
            has_derivatives=None if index else has_derivatives(symbol, exchange, shares),
        )  # fmt: skip
    except ValueError:
        return None
    segment = exchange.value
    if index:
        segment = "INDICES"
    elif segment in _DERIVED:
        segment += "-OPT" if option else "-FUT"
    return Listed(instrument, _number(instrument.key, taken), segment, is_index=index)


def _number(key: str, taken: set[int]) -> int:
    """Return a free exchange token that follows from the key."""
    number = crc32(key.encode()) % (1 << _BITS) or 1
    while number in taken:
        number = number % ((1 << _BITS) - 1) + 1
    taken.add(number)
    return number


def _row(item: Listed) -> tuple[Any, ...]:
    made = item.instrument
    if item.is_index:
        tick, lot = "0", 0
    else:
        tick, lot = f"{float(made.tick_size):g}", made.lot_size
    return (
        item.token, item.exchange_token, made.tradingsymbol, made.name or made.underlying, "0",
        made.expiry or "", f"{float(made.strike or 0):g}", tick, lot, item.kind, item.segment,
        made.exchange.value,
    )  # fmt: skip
