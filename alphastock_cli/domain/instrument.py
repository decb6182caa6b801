"""What is traded and where: exchanges, asset types, intervals and the instrument itself.

Facts about contracts (lots of a date, expiry rules, hours) do not live here: they are dated
tables in `exchange/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum


class Exchange(StrEnum):
    """Where an instrument is quoted, by the codes brokers use."""

    NSE = "NSE"
    BSE = "BSE"
    NFO = "NFO"
    BFO = "BFO"
    CDS = "CDS"
    BCD = "BCD"
    MCX = "MCX"


class AssetType(StrEnum):
    """What kind of thing an instrument is; runners and strategies declare which they handle."""

    EQUITY = "equity"
    OPTIONS = "options"
    INDEX = "index"
    COMMODITY = "commodity"
    FUTURES = "futures"
    CURRENCY = "currency"


class OptionType(StrEnum):
    """European call or put, by the exchanges' own letters."""

    CE = "CE"
    PE = "PE"


class Side(StrEnum):
    """Direction of an order."""

    BUY = "BUY"
    SELL = "SELL"


class Interval(StrEnum):
    """Length of a candle; the values are the words of the command line and of Kite."""

    MINUTE = "minute"
    MINUTE_3 = "3minute"
    MINUTE_5 = "5minute"
    MINUTE_10 = "10minute"
    MINUTE_15 = "15minute"
    MINUTE_30 = "30minute"
    MINUTE_60 = "60minute"
    DAY = "day"

    @property
    def is_intraday(self) -> bool:
        """Whether the candle is shorter than a day."""
        return self is not Interval.DAY

    @property
    def length(self) -> timedelta:
        """The candle's length on the clock; a day candle spans one calendar day here."""
        if self is Interval.DAY:
            return timedelta(days=1)
        return timedelta(minutes=int(self.value.removesuffix("minute") or 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Anything quoted on an exchange.

    Attributes
    ----------
    exchange, tradingsymbol : Exchange, str
        Together they are the `key`, e.g. ``NSE:INFY``.
    tick_size : Decimal
        Smallest price step, in rupees; positive.
    lot_size : int
        Units per contract; 1 for equities.
    multiplier : int
        Rupees one unit gains when the price rises by 1.00; above 1 for commodities and currencies.
    expiry, strike, option_type
        None where the kind of instrument has none; `strike` is in rupees.
    has_derivatives : bool or None
        Of a share: whether futures or options on it were listed when it was looked up; None where
        that is not known. It makes no other instrument of it.
    """

    exchange: Exchange
    tradingsymbol: str
    asset_type: AssetType
    name: str = ""
    series: str = ""
    isin: str = ""
    lot_size: int = 1
    multiplier: int = 1
    tick_size: Decimal = Decimal("0.05")
    underlying: str = ""
    expiry: date | None = None
    strike: Decimal | None = None
    option_type: OptionType | None = None
    has_derivatives: bool | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse what no exchange lists."""
        if not self.tradingsymbol:
            raise ValueError("an instrument needs a tradingsymbol")
        if self.lot_size < 1:
            raise ValueError(f"{self.key}: lot size {self.lot_size} is below 1")
        if self.tick_size <= 0:
            raise ValueError(f"{self.key}: tick size {self.tick_size} is not positive")
        if (self.strike is None) != (self.option_type is None):
            raise ValueError(f"{self.key}: strike and option type come together or not at all")

    @property
    def key(self) -> str:
        """``EXCHANGE:TRADINGSYMBOL``, unique over all exchanges."""
        return f"{self.exchange}:{self.tradingsymbol}"

    @property
    def paid_in_full(self) -> bool:
        """Whether the value itself changes hands: shares and options, not futures."""
        return self.asset_type is AssetType.EQUITY or self.option_type is not None

    def round_to_tick(self, price: float | Decimal, side: Side) -> Decimal:
        """Turn a computed price into one that may be sent: a multiple of the tick.

        A buy rounds down and a sell rounds up, so that rounding never makes the price worse for
        us than what was computed. This is the only crossing from float to money.

        Examples
        --------
        >>> infy = Instrument(exchange=Exchange.NSE, tradingsymbol="INFY",
        ...                   asset_type=AssetType.EQUITY, tick_size=Decimal("0.10"))
        >>> infy.round_to_tick(1498.17, Side.BUY), infy.round_to_tick(1498.17, Side.SELL)
        (Decimal('1498.10'), Decimal('1498.20'))
        """
        wanted = exact(price)
        if not wanted.is_finite():
            raise ValueError(f"{self.key}: {price} is not a price")
        mode = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        # of whole ticks, so that 100 rupees are 100.00 and never 1E+2
        return int((wanted / self.tick_size).to_integral_value(mode)) * self.tick_size


def exact(price: float | Decimal) -> Decimal:
    """Return the shortest decimal that is this number, also of NumPy's floats."""
    return price if isinstance(price, Decimal) else Decimal(repr(float(price)))
