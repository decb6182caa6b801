"""What the prices of an option chain say: which are usable, moneyness, ATM strike, straddle.

Frames in the `CHAIN` schema in, frames and numbers out; pure. Volatilities and Greeks come from
`pricing`, which the options runner calls, what is open from `chain_interest`; formulas with their
units: `docs/conventions.md`.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import polars as pl

from alphastock_cli.domain.records import dataclass

FEW_PAIRS = 3  # strikes quoted on both sides, from which on last trades are left alone

_BID, _ASK, _LAST = pl.col("bid"), pl.col("ask"), pl.col("last_price")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From which on a price is not believed.

    Attributes
    ----------
    spread_pct, spread_ticks : float
        A mid price counts where the spread is at most this share of it, in percent, or at most so
        many ticks.
    trade_seconds : float
        A last trade whose moment is known counts for so long; beside a book that is no price
        itself only such a trade counts.
    """

    spread_pct: float = 20.0
    spread_ticks: float = 5.0
    trade_seconds: float = 300.0


LIMITS = Limits()


def with_prices(
    chain: pl.DataFrame,
    *,
    session: date | pl.Expr,
    tick: float | None,
    at: datetime | None = None,
    limits: Limits = LIMITS,
) -> pl.DataFrame:
    """Return the chain with `price`, where it comes from, and why it is missing.

    Parameters
    ----------
    chain : DataFrame
        `CHAIN` rows.
    session : date or Expr
        The session in progress or last over, of all rows or of each: an older trade is stale.
    tick : float or None
        The option's price step in rupees; None where it is not known, then only the relative limit
        of a spread counts.
    at : datetime, optional
        The moment the age of a trade is counted to, at most the end of the session; without it no
        trade is recent and none too old.
    limits : Limits
        From which on a price is not believed.

    Returns
    -------
    DataFrame
        With `price` (rupees, null where unusable), `price_source` (``mid`` or ``last``),
        `price_status` (null where there is a price; else ``wide``, ``one_sided``,
        ``no_trade_today``, ``stale``, ``no_price``, or ``bad_input`` for a bid at or above the
        ask), and `liquidity`: the same with ``ok`` for null.
    """
    has_bid, has_ask = _present(_BID), _present(_ASK)
    both, mid, spread = has_bid & has_ask, (_BID + _ASK) / 2.0, _ASK - _BID
    narrow = spread <= limits.spread_pct / 100.0 * mid
    if tick is not None:
        # half a tick of grace: a difference of two floats is not the number of ticks exactly
        narrow |= spread <= (limits.spread_ticks + 0.5) * tick
    tight = both & (spread > 0) & narrow
    sided = has_bid.not_() | (_LAST >= _BID)
    sided &= has_ask.not_() | (_LAST <= _ASK)
    recent = _recent(at, limits.trade_seconds)
    # where nobody quotes, a trade of unknown age is taken at its word; a poor book is a reason not
    believed = pl.when(has_bid | has_ask).then(recent.fill_null(value=False))
    usable_last = traded(session) & sided & believed.otherwise(recent.fill_null(value=True))
    source = pl.when(tight).then(pl.lit("mid")).when(usable_last).then(pl.lit("last"))
    status = (
        pl.when(pl.col("price_source").is_not_null()).then(None)
        .when(both & (spread <= 0)).then(pl.lit("bad_input"))
        .when(both).then(pl.lit("wide"))
        .when(has_bid | has_ask).then(pl.lit("one_sided"))
        .when(pl.col("volume") == 0).then(pl.lit("no_trade_today"))
        .when(_present(_LAST)).then(pl.lit("stale"))
        .otherwise(pl.lit("no_price"))
    )  # fmt: skip
    price = pl.when(pl.col("price_source") == "mid").then(mid)
    return (
        chain.with_columns(price_source=source)
        .with_columns(
            price=price.when(pl.col("price_source") == "last").then(_LAST),
            price_status=status.cast(pl.String),
        )
        .with_columns(liquidity=pl.col("price_status").fill_null("ok"))
    )


def _present(price: pl.Expr) -> pl.Expr:
    """Tell whether there is a price: a zero on a side of the book is nobody, not a price."""
    return price.is_not_null() & (price > 0)


def traded(session: date | pl.Expr) -> pl.Expr:
    """Tell whether the last price was made in the session, as far as the row says.

    A source that knows neither volume nor time of the last trade is taken at its word.
    """
    day = pl.col("last_trade_time").dt.date()
    return (
        _present(_LAST)
        & (pl.col("volume").is_null() | (pl.col("volume") > 0))
        & (day.is_null() | (day == session))
    )


def _recent(at: datetime | None, seconds: float) -> pl.Expr:
    """Tell whether the last trade is young enough; null where nobody knows its moment."""
    if at is None:
        return pl.lit(None, dtype=pl.Boolean)
    return pl.col("last_trade_time") >= pl.lit(at - timedelta(seconds=seconds))


def price_pairs(priced: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """Return the strikes with usable CE and PE prices (strike, ce, pe), and whether all are quoted.

    Where a few strikes have mid prices on both sides only those count: the last trades of two
    contracts may be hours apart.
    """
    columns = ["strike", "price", "price_source"]
    ce, pe = (
        priced.lazy()
        .filter((pl.col("option_type") == kind) & pl.col("price").is_not_null())
        .select(columns).unique("strike", keep="first", maintain_order=True)
        for kind in ("CE", "PE")
    )  # fmt: skip
    pairs = ce.join(pe, on="strike", suffix="_pe").sort("strike").collect()
    mids = pairs.filter((pl.col("price_source") == "mid") & (pl.col("price_source_pe") == "mid"))
    quoted = mids.height >= min(FEW_PAIRS, max(pairs.height, 1))
    chosen = mids if quoted else pairs
    return chosen.select("strike", ce="price", pe="price_pe"), quoted


def atm_strike(chain: pl.DataFrame, forward: float | None) -> float | None:
    """Return the listed strike nearest to the forward, the lower of two equally near."""
    if forward is None or chain.is_empty():
        return None
    strikes = sorted(set(chain["strike"].drop_nulls()))
    return min(strikes, key=lambda strike: (abs(strike - forward), strike), default=None)


def outside(chain: pl.DataFrame, forward: float | None) -> bool:
    """Tell whether the forward lies beyond the listed strikes: then none is at the money."""
    if forward is None or chain.is_empty():
        return False
    low, high = chain.select(low=pl.col("strike").min(), high=pl.col("strike").max()).row(0)
    return not low <= forward <= high


def with_moneyness(
    priced: pl.DataFrame, *, forward: float | None, atm: float | None, discount: float
) -> pl.DataFrame:
    """Return the frame with class and number of moneyness, intrinsic and time value.

    Parameters
    ----------
    forward : float or None
        Rupees; None leaves the four columns null.
    discount : float
        Value now of one rupee at expiry.

    Returns
    -------
    DataFrame
        `moneyness` (ITM, ATM, OTM; ATM is the ATM strike), `log_moneyness` = ln(strike / forward),
        `intrinsic` = discount · max(±(forward − strike), 0) and `time_value` = price − intrinsic in
        rupees; the last is null without a usable price and negative below intrinsic.
    """
    if forward is None or atm is None:
        empty = pl.lit(None, dtype=pl.Float64)
        return priced.with_columns(
            moneyness=pl.lit(None, dtype=pl.String), log_moneyness=empty, intrinsic=empty,
            time_value=empty,
        )  # fmt: skip
    call, strike = pl.col("option_type") == "CE", pl.col("strike")
    inside = pl.when(call).then(strike < forward).otherwise(strike > forward)
    gain = pl.when(call).then(forward - strike).otherwise(strike - forward)
    return priced.with_columns(
        moneyness=pl.when(strike == atm).then(pl.lit("ATM")).when(inside).then(pl.lit("ITM"))
        .otherwise(pl.lit("OTM")),
        log_moneyness=(strike / forward).log(),
        intrinsic=pl.max_horizontal(gain, 0.0) * discount,
    ).with_columns(time_value=pl.col("price") - pl.col("intrinsic"))  # fmt: skip


def at_strike(
    frame: pl.DataFrame, strike: float | None, column: str
) -> tuple[float | None, float | None]:
    """Return `column` of CE and PE at a strike; None where there is no such row or no value."""
    if strike is None:
        return None, None
    rows = frame.filter(pl.col("strike") == strike)
    held = dict(rows.select("option_type", column).iter_rows())
    return held.get("CE"), held.get("PE")


def straddle(priced: pl.DataFrame, atm: float | None) -> float | None:
    """Return the price of the ATM CE and PE together, rupees; None without both prices."""
    call, put = at_strike(priced, atm, "price")
    return None if call is None or put is None else call + put


def atm_iv(frame: pl.DataFrame, atm: float | None) -> float | None:
    """Return the mean of the volatilities of CE and PE at the ATM strike, or the one known."""
    known = [value for value in at_strike(frame, atm, "iv") if value is not None]
    return sum(known) / len(known) if known else None


def straddle_move(straddle: float | None, discount: float) -> float | None:
    """Return how far the price ends from the ATM strike on average, rupees: straddle / discount.

    What the market pays for E|F_T - K|, whatever the law of F_T; about 0.8 of one deviation.
    """
    return None if straddle is None else straddle / discount


def expected_move(forward: float | None, iv: float | None, years: float) -> float | None:
    """Return one standard deviation of the price at expiry, rupees: forward · iv · √years."""
    if forward is None or iv is None or years <= 0:
        return None
    return forward * iv * math.sqrt(years)
