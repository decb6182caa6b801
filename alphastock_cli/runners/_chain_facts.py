"""One chain enriched and summed up: rows and facts of one expiry, pure.

What was fetched comes in, nothing is asked of anybody. How the runner goes about several chains is
in `options.py`; formulas: `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from alphastock_cli.analytics import chain as chains
from alphastock_cli.analytics import chain_interest, exposure, skew
from alphastock_cli.analytics.build_up import with_build_up
from alphastock_cli.analytics.forward import find_forward
from alphastock_cli.analytics.greeks import Basis, with_greeks, with_volatility
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar, closes, contracts
from alphastock_cli.exchange.daycount import Daycount, years_left
from alphastock_cli.exchange.expiry_life import ROLL_SESSIONS, expiry_life
from alphastock_cli.pricing.black76 import Model

DEFAULT_RATE = 0.065
_FIGURES = ("last_price", "bid", "ask", "bid_quantity", "ask_quantity", "volume", "open_interest",
            "oi_change", "last_trade_time")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainOptions:
    """How the runner looks at a chain.

    Attributes
    ----------
    expiry : date or None
        Which one; None takes the nearest that has not ended.
    others : tuple of date
        Further expiries to serve beside it.
    every_expiry : bool
        True serves all that are listed; the term structure needs it.
    rate : float
        Discounting, per year, continuous; `rate_source` says who chose it.
    model : str
        ``black76`` on the forward, or ``bsm`` on the spot.
    second_order : bool
        True adds vanna, volga, charm, speed and color.
    daycount : str
        How time is counted: ``act365``, or ``trading252`` in sessions.
    forward : float or None
        A forward to take instead of the one the prices make, of `expiry` alone; rupees.
    limits : Limits
        From which on a price is not believed.
    roll_sessions : int
        How many sessions before the last one positions are to be rolled.
    build_up : bool
        True asks the provider for the closes of the session before.
    smile : bool
        True fits SVI to the chain.
    iv_history : bool
        True asks the provider for the chains of earlier sessions.
    """

    expiry: date | None = None
    others: tuple[date, ...] = ()
    every_expiry: bool = False
    rate: float = DEFAULT_RATE
    rate_source: str = "default"
    model: Model = "black76"
    second_order: bool = False
    daycount: Daycount = "act365"
    forward: float | None = None
    limits: chains.Limits = chains.LIMITS
    roll_sessions: int = ROLL_SESSIONS
    build_up: bool = False
    smile: bool = False
    iv_history: bool = False


def enrich(
    chain: pl.DataFrame,
    market: Mapping[str, Any],
    options: ChainOptions,
    *,
    before: pl.DataFrame | None = None,
    listed: Sequence[date] = (),
    given: float | None = None,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return the enriched rows of one chain and its summary in the contract's names.

    Parameters
    ----------
    chain : DataFrame
        `CHAIN` rows of one expiry.
    market : mapping
        ``underlying, expiry, as_of, spot, future``.
    before : DataFrame, optional
        Closes of the session before, see `build_up.with_build_up`.
    listed : sequence of date
        The expiries the provider lists.
    given : float, optional
        A forward to take, rupees.
    """
    name, expiry, as_of = market["underlying"], market["expiry"], market["as_of"]
    exchange = closes.derivative_exchange(name)
    ends = closes.contract_close(exchange, expiry)
    years = years_left(exchange, as_of, ends, options.daycount)
    session, at = _session(exchange, as_of)
    # a provider pairs every strike; a side of which nothing at all is known is in nobody's list
    known = chain.filter(pl.any_horizontal(pl.col(_FIGURES).is_not_null()))
    priced = chains.with_prices(
        chain if known.is_empty() else known,
        session=session,
        tick=_tick(name, as_of.date()),
        at=at,
        limits=options.limits,
    )
    if options.build_up:
        priced = with_build_up(priced, before, session=session)
    forward = find_forward(
        priced, spot=market["spot"], future=market["future"], years=years, rate=options.rate,
        model=options.model, given=given,
    )  # fmt: skip
    basis = Basis(forward=forward.value, years=years, rate=options.rate, model=options.model)
    atm = chains.atm_strike(priced, forward.value)
    frame = chains.with_moneyness(priced, forward=forward.value, atm=atm, discount=basis.discount)
    frame = with_volatility(frame, basis)
    frame = with_greeks(frame, basis, second_order=options.second_order)
    frame = exposure.with_exposure(frame, None if forward.value is None else basis.underlying)
    iv, straddle = chains.atm_iv(frame, atm), chains.straddle(frame, atm)
    move = chains.expected_move(forward.value, iv, years)
    life = expiry_life(name, expiry, at=as_of, listed=listed, roll_sessions=options.roll_sessions)
    facts = {
        "underlying": name, "spot": market["spot"], "forward": forward.value,
        "future": market["future"], "expiry": expiry, "years": years,
        "days_to_expiry": life.days, "atm_strike": atm, "atm_iv": iv,
        **chain_interest.totals(frame),
        "expected_move": move, "straddle": straddle,
        "lot_size": _lot(chain, name, expiry, as_of),
        "model": options.model, "rate": options.rate, "rate_source": options.rate_source,
        "daycount": options.daycount,
        "forward_source": forward.source, "forward_pairs": forward.pairs,
        "forward_quoted": forward.quoted, "expires_at": ends,
        "atm_outside": chains.outside(priced, forward.value),
        "expected_move_sigma": move,
        "expected_move_straddle": chains.straddle_move(straddle, basis.discount),
        **_skew(frame, iv), **_exposure(frame), **chain_interest.oi_extremes(frame),
        "liquidity": dict(sorted(frame["liquidity"].value_counts().iter_rows())),
        "expiry_kind": life.kind, "expiry_regular": life.regular,
        "expiry_shifted": life.shifted, "sessions_to_expiry": life.sessions,
        "roll_date": life.roll, "roll_due": life.roll_due, "expired": life.expired,
    }  # fmt: skip
    return frame, facts


def _skew(frame: pl.DataFrame, iv: float | None) -> dict[str, float | None]:
    found = skew.skew(frame, atm_iv=iv)
    return {
        "risk_reversal_25d": found.risk_reversal, "butterfly_25d": found.butterfly,
        "call_iv_25d": found.call_iv, "put_iv_25d": found.put_iv,
    }  # fmt: skip


def _exposure(frame: pl.DataFrame) -> dict[str, Any]:
    found = exposure.net(frame)
    return {
        "gex_net": found[0], "gex_oi_share": found[1], "gex_convention": exposure.CONVENTION,
    }  # fmt: skip


def _session(exchange: Exchange, as_of: datetime) -> tuple[date, datetime]:
    """Return the session of a moment, and the moment a trade's age is counted to."""
    try:
        held = calendar.latest_session(calendar.segment_of(exchange), as_of)
    except OutOfRange:
        return as_of.date(), as_of
    return held.day, as_of if held.closes is None else min(as_of, held.closes)


def _tick(underlying: str, on: date) -> float | None:
    """Return the price step of the options, where the tables know it without a price."""
    tick: Decimal | None = contracts.tick_size(underlying, on, "option_")
    if tick is None and contracts.exchange_of(underlying) is None:
        tick = contracts.price_tick("stock_option", None, on)
    return None if tick is None else float(tick)


def _lot(chain: pl.DataFrame, name: str, expiry: date, as_of: datetime) -> int | None:
    """Return the lot the chain names most often, else the one our tables know."""
    named = chain["lot_size"].drop_nulls()
    if len(named):
        return max(int(lot) for lot in named.mode())
    return contracts.lot_size(name, expiry, as_of.date())
