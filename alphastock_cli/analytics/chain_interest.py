"""What is open in an option chain: put-call ratios, max pain, sums and extremes.

Frames in the `CHAIN` schema in, numbers out; pure and exact. Formulas: `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

_PAISA_PARTS = 10_000  # strikes as whole numbers, so that max pain is exact


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


def oi_extremes(chain: pl.DataFrame) -> dict[str, float | None]:
    """Return the strikes with the most open interest and with its greatest gain, CE and PE.

    Keys ``top_oi_strike_ce``, ``top_oi_gain_strike_ce`` and those of ``pe``: rupees, the lower
    strike of two that tie, None where nothing is open or nothing has grown.
    """
    found: dict[str, float | None] = {}
    columns = ("option_type", "strike", "open_interest", "oi_change")
    held = list(chain.select(columns).iter_rows())
    for kind in ("CE", "PE"):
        for word, at in (("oi", 2), ("oi_gain", 3)):
            rows = ((r[at], -r[1]) for r in held if r[0] == kind and r[at] and r[at] > 0)
            best = max(rows, default=None)
            found[f"top_{word}_strike_{kind.lower()}"] = None if best is None else float(-best[1])
    return found


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
