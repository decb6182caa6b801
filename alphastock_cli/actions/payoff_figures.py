"""The figures of a structure in the contract's names: extremes, odds, Greeks, costs, legs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.actions.payoff_costs import costs
from alphastock_cli.actions.payoff_grid import search
from alphastock_cli.actions.payoff_legs import Held
from alphastock_cli.actions.payoff_made import PayoffRequest, Structure
from alphastock_cli.analytics import smile, structures, templates
from alphastock_cli.analytics import structure_values as values
from alphastock_cli.analytics.greeks import FIRST_ORDER
from alphastock_cli.analytics.structure_values import Market
from alphastock_cli.domain.structure import LegKind

Floats = NDArray[np.float64]


def at_expiry(made: Structure) -> tuple[structures.Extremes | None, structures.Curve | None]:
    """Return the figures at the nearest expiry and the payoff as a function; None if unknown."""
    if made.one_expiry:
        lines = structures.at_expiry(made.legs, multiplier=made.multiplier)
        return (lines.extremes(), lines.at) if lines else (None, None)
    market = made.market
    if market is None:
        return None, None
    years = market.expiries[made.ends].years

    def curve(prices: Floats) -> Floats:
        found = values.payoff(made.legs, market, prices, passed=years, vols=made.vols)
        return np.full_like(prices, np.nan) if found is None else found

    where = search(made.legs, made.facts, market.price)
    if values.payoff(made.legs, market, where, passed=years, vols=made.vols) is None:
        return None, None
    right = sum(leg.quantity for leg in made.legs if leg.kind is not LegKind.PUT)
    return structures.on_grid(curve, where, right=right), curve


def summary(
    made: Structure,
    found: structures.Extremes | None,
    request: PayoffRequest,
    moment: datetime | None,
) -> dict[str, Any]:
    """Return the figures in the contract's names, then what they rest on."""
    board, legs, market = made.board, made.legs, made.market
    each = [values.greeks(leg, market) if market else _no_greeks() for leg in legs]
    forwards = _forwards(market)
    years = {} if market is None else {day: held.years for day, held in market.expiries.items()}
    facts = made.facts
    spent = costs(
        legs, board, forwards=forwards, years=years, spot=facts["spot"],
        volatility=facts["atm_iv"], multiplier=made.multiplier,
    )  # fmt: skip
    board.notes.extend(spent.notes)
    chances = _chances(made, found)
    return {
        "underlying": board.name,
        "strategy": templates.template(request.strategy).name if request.strategy else None,
        "max_profit": found.max_profit if found else None,
        "max_profit_unbounded": found.max_profit is None if found else None,
        "max_loss": found.max_loss if found else None,
        "max_loss_unbounded": found.max_loss is None if found else None,
        "breakevens": list(found.breakevens) if found else None,
        "approximate": not made.one_expiry,
        **chances,
        "net_premium": values.net_premium(legs, multiplier=made.multiplier),
        "net_greeks": values.net(legs, each, multiplier=made.multiplier),
        "charges": spent.charges,
        "margin": spent.margin,
        "margin_source": spent.margin_source,
        "margin_parts": dict(spent.margin_parts),
        "spot": facts["spot"],
        "forward": forwards.get(made.ends, facts["forward"]),
        "forward_source": facts["forward_source"],
        "atm_iv": facts["atm_iv"],
        "expiry": made.ends,
        "expires_at": board.ends(made.ends),
        "days_to_expiry": (made.ends - board.as_of.date()).days,
        "payoff_today_at": moment or board.as_of,
        "iv_shift": request.vols.shift,
        "iv_flat": request.vols.flat,
        "lots": request.lots,
        "multiplier": made.multiplier,
        "model": board.rate.model,
        "rate": board.rate.value,
        "rate_source": board.rate.source,
        "legs": [_leg(held, greeks) for held, greeks in zip(made.held, each, strict=True)],
    }


def _forwards(market: Market | None) -> dict[date, float]:
    held = {} if market is None else market.expiries
    return {day: each.forward for day, each in held.items() if each.forward is not None}


def _no_greeks() -> dict[str, float | None]:
    return dict.fromkeys(FIRST_ORDER)


def _chances(made: Structure, found: structures.Extremes | None) -> dict[str, Any]:
    """Return the probabilities of a payoff above zero at the nearest expiry, each labelled."""
    names = ("probability_of_profit", "probability_of_profit_smile")
    none: dict[str, Any] = dict.fromkeys(names)
    none |= {"probability_model": "lognormal at ATM volatility", "smile": "not fitted"}
    facts, market = made.facts, made.market
    if found is None or market is None or facts["expiry"] != made.ends:
        return none
    forward, years = market.expiries[made.ends].forward, market.expiries[made.ends].years
    if forward is None or years <= 0:
        return none
    chances = dict(none)
    if facts["atm_iv"] is not None:
        by = structures.lognormal(forward, facts["atm_iv"], years)
        chances[names[0]] = structures.probability(found.gains, by)
    fitted = smile.from_chain(made.board.rows(made.ends), years=years)
    if fitted is None:
        return chances
    if not fitted.butterfly_free:
        return chances | {"smile": "not used: the fit is not free of butterfly arbitrage"}

    def by_smile(prices: Floats) -> Floats:
        return fitted.cdf(np.log(prices / forward))

    return chances | {
        names[1]: structures.probability(found.gains, by_smile),
        "smile": f"SVI of {fitted.points} options, off by {fitted.rms_error:.2%} of volatility",
    }


def _leg(held: Held, greeks: Mapping[str, float | None]) -> dict[str, Any]:
    leg = held.leg
    return {
        "leg": held.text, "tradingsymbol": leg.tradingsymbol or None,
        "side": "BUY" if leg.quantity > 0 else "SELL", "kind": leg.kind.value,
        "quantity": leg.quantity, "lot_size": leg.lot_size, "strike": leg.strike,
        "expiry": leg.expiry, "price": leg.price, "price_source": held.price_source,
        "iv": leg.iv, "iv_source": held.iv_source, **greeks,
    }  # fmt: skip
