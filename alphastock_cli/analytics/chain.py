"""What an option chain says: usable prices, moneyness, ATM strike, ratios, max pain, straddle.

Frames in the `CHAIN` schema in, frames and numbers out; pure. Volatilities and Greeks come from
`pricing`, which the options runner calls; formulas with their units: `docs/conventions.md`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

import polars as pl

# a mid price counts where the spread is at most this share of it, or at most so many ticks
SPREAD_LIMIT = 0.20
SPREAD_TICKS = 5
_FEW = 3  # strikes quoted on both sides, from which on last trades are left alone
_PAISA_PARTS = 10_000  # strikes as whole numbers, so that max pain is exact

_BID, _ASK, _LAST = pl.col("bid"), pl.col("ask"), pl.col("last_price")


def with_prices(chain: pl.DataFrame, *, session: date, tick: float | None) -> pl.DataFrame:
    """Return the chain with `price`, where it comes from, and why it is missing.

    Parameters
    ----------
    chain : DataFrame
        `CHAIN` rows.
    session : date
        The session in progress or last over: an older trade is stale.
    tick : float or None
        The option's price step in rupees; None where it is not known, then only the relative limit
        of a spread counts.

    Returns
    -------
    DataFrame
        With `price` (rupees, null where unusable), `price_source` (``mid`` or ``last``) and
        `price_status` (null where there is a price; else ``wide``, ``one_sided``, ``stale``,
        ``no_price``, or ``bad_input`` for a bid at or above the ask).
    """
    has_bid, has_ask = _present(_BID), _present(_ASK)
    both, mid, spread = has_bid & has_ask, (_BID + _ASK) / 2.0, _ASK - _BID
    narrow = spread <= SPREAD_LIMIT * mid
    if tick is not None:
        # half a tick of grace: a difference of two floats is not the number of ticks exactly
        narrow |= spread <= (SPREAD_TICKS + 0.5) * tick
    tight = both & (spread > 0) & narrow
    sided = has_bid.not_() | (_LAST >= _BID)
    sided &= has_ask.not_() | (_LAST <= _ASK)
    usable_last = _traded(session) & sided
    source = pl.when(tight).then(pl.lit("mid")).when(usable_last).then(pl.lit("last"))
    status = (
        pl.when(pl.col("price_source").is_not_null()).then(None)
        .when(both & (spread <= 0)).then(pl.lit("bad_input"))
        .when(both).then(pl.lit("wide"))
        .when(has_bid | has_ask).then(pl.lit("one_sided"))
        .when(_present(_LAST)).then(pl.lit("stale"))
        .otherwise(pl.lit("no_price"))
    )  # fmt: skip
    price = pl.when(pl.col("price_source") == "mid").then(mid)
    return chain.with_columns(price_source=source).with_columns(
        price=price.when(pl.col("price_source") == "last").then(_LAST),
        price_status=status.cast(pl.String),
    )


def _present(price: pl.Expr) -> pl.Expr:
    """Tell whether there is a price: a zero on a side of the book is nobody, not a price."""
    return price.is_not_null() & (price > 0)


def _traded(session: date) -> pl.Expr:
    """Tell whether the last price was made in the session, as far as the row says.

    A source that knows neither volume nor time of the last trade is taken at its word.
    """
    day = pl.col("last_trade_time").dt.date()
    return (
        _present(_LAST)
        & (pl.col("volume").is_null() | (pl.col("volume") > 0))
        & (day.is_null() | (day == session))
    )


def price_pairs(priced: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """Return the strikes with usable CE and PE prices (strike, ce, pe), and whether all are quoted.

    Where a few strikes have mid prices on both sides only those count: the last trades of two
    contracts may be hours apart.
    """
    columns = ["strike", "price", "price_source"]
    ce, pe = (
        priced.filter((pl.col("option_type") == kind) & pl.col("price").is_not_null())
        .select(columns).unique("strike", keep="first", maintain_order=True)
        for kind in ("CE", "PE")
    )  # fmt: skip
    pairs = ce.join(pe, on="strike", suffix="_pe").sort("strike")
    mids = pairs.filter((pl.col("price_source") == "mid") & (pl.col("price_source_pe") == "mid"))
    quoted = mids.height >= min(_FEW, max(pairs.height, 1))
    chosen = mids if quoted else pairs
    return chosen.select("strike", ce="price", pe="price_pe"), quoted


def atm_strike(chain: pl.DataFrame, forward: float | None) -> float | None:
    """Return the listed strike nearest to the forward, the lower of two equally near."""
    if forward is None or chain.is_empty():
        return None
    strikes = sorted(set(chain["strike"].drop_nulls()))
    return min(strikes, key=lambda strike: (abs(strike - forward), strike), default=None)


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


def put_call_ratio(chain: pl.DataFrame, column: str) -> float | None:
    """Return PE over CE of `open_interest` or `volume`; None where CE has none or is not known."""
    calls, puts = (_known_sum(side, column) for side in _sides(chain))
    return _ratio(puts, calls)


def _sides(chain: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    call = chain["option_type"] == "CE"
    return chain.filter(call), chain.filter(~call)


def _known_sum(side: pl.DataFrame, column: str) -> int | None:
    """Return the sum of what is known; None where nothing is."""
    values = side[column]
    return None if values.null_count() == len(values) else int(values.sum())


def _ratio(puts: int | None, calls: int | None) -> float | None:
    return None if not calls or puts is None else puts / calls


def max_pain(chain: pl.DataFrame) -> float | None:
    """Return the listed strike at which the writers of all options would pay least at expiry.

    Exact: whole numbers throughout, the lower strike of two that tie. None where no option has
    open interest; an unknown open interest counts as none.
    """
    calls: dict[int, int] = {}
    puts: dict[int, int] = {}
    for strike, kind, held in chain.select("strike", "option_type", "open_interest").iter_rows():
        side = calls if kind == "CE" else puts
        whole = round(strike * _PAISA_PARTS)
        side[whole] = side.get(whole, 0) + (held or 0)
    if not any(calls.values()) and not any(puts.values()):
        return None
    strikes = sorted({*calls, *puts})
    # walk up once: each step adds what calls below pay more and what puts above pay less
    paid = sum(held * (strike - strikes[0]) for strike, held in puts.items())
    below, above = 0, sum(puts.values())
    best, least, before = strikes[0], None, strikes[0]
    for strike in strikes:
        paid += (below - above) * (strike - before)
        if least is None or paid < least:
            best, least = strike, paid
        below += calls.get(strike, 0)
        above -= puts.get(strike, 0)
        before = strike
    return best / _PAISA_PARTS


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


def expected_move(forward: float | None, iv: float | None, years: float) -> float | None:
    """Return one standard deviation of the price at expiry, rupees: forward · iv · √years."""
    if forward is None or iv is None or years <= 0:
        return None
    return forward * iv * math.sqrt(years)


def totals(chain: pl.DataFrame) -> Mapping[str, float | int | None]:
    """Return ratios, max pain and the sums of open interest and its change, CE and PE."""
    calls, puts = _sides(chain)
    sums = {
        f"{name}_{kind}": _known_sum(side, name)
        for name in ("open_interest", "oi_change")
        for kind, side in (("ce", calls), ("pe", puts))
    }
    volumes = _known_sum(puts, "volume"), _known_sum(calls, "volume")
    return MappingProxyType(
        {
            "put_call_ratio_oi": _ratio(sums["open_interest_pe"], sums["open_interest_ce"]),
            "put_call_ratio_volume": _ratio(*volumes),
            "max_pain": max_pain(chain),
            **sums,
        }
    )
