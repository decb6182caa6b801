"""The tables of docs/options-compared.md about the exchange's option chain page of BANKNIFTY.

Those about the collector's NIFTY: `comparison_tables`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tests.golden import chain_comparison as made
from tests.golden.chain_comparison import (
    SPREAD,
    Both,
    Floats,
    column,
    figure,
    off_vol,
    spread,
    table,
)


def traded(both: Both) -> pl.DataFrame:
    return both[1].theirs.filter(pl.col("iv") > 0)


def by_page(rows: pl.DataFrame, rate: float = 0.10, more: float = 0.0) -> Floats:
    return made.vol_by(rows, column(rows, "spot"), rate, column(rows, "days") + more, "ltp")


def site_rows(both: Both) -> str:
    held, ours = both[1].theirs, both[1].both["default"]
    solved = ours.filter(pl.col("iv") > 0)
    reasons = dict(solved.filter(pl.col("iv_ours").is_null())["iv_status"].value_counts().rows())
    none = held.filter(pl.col("iv") == 0)
    years = column(none, "days") / 365
    carried = column(none, "spot") * np.exp(0.10 * years)
    sign = np.where(made.calls(none), 1.0, -1.0)
    worth = np.maximum(sign * (carried - column(none, "strike")), 0) * np.exp(-0.10 * years)
    last, volume = column(none, "ltp"), column(none, "volume")
    untraded = volume == 0
    below = ~untraded & (last <= worth)
    return table(
        ("rows", "count"),
        [
            ("recorded", held.height),
            ("of these with 0 as volatility (not found)", none.height),
            ("… not traded that day", int(untraded.sum())),
            ("… the last trade at or below intrinsic value at 10 %", int(below.sum())),
            ("… neither: not explained", int((~untraded & ~below).sum())),
            ("with a volatility", solved.height),
            *((f"left out: ours is `{word}`", n) for word, n in sorted(reasons.items())),
            ("compared", solved["iv_ours"].count()),
        ],
    )


def site_vol(both: Both) -> str:
    rows = []
    for choice, name in (("default", "ours"), ("nse", "`--rate nse`")):
        kept = both[1].both[choice].filter(pl.col("iv") > 0, pl.col("iv_ours").is_not_null())
        for word, part in made.classed(kept):
            rows.append((name, word, part.height, *spread(off_vol(part))))
    held = both[1].both["default"].filter(pl.col("iv") > 0)
    theirs = held.filter(pl.Series(np.isfinite(by_page(held))))
    for word, part in made.classed(theirs):
        rows.append(("theirs", word, part.height, *spread(by_page(part) - column(part, "iv"))))
    return table(("by", "strikes", "rows", *SPREAD), rows)


def site_sides(both: Both) -> str:
    """Whose forward lies where, and what that does to calls and puts."""
    plain, nse = (both[1].both[choice].filter(pl.col("iv") > 0) for choice in ("default", "nse"))
    lines = []
    for day in sorted(plain["expiry"].unique()):
        ours, carried = (frame.filter(expiry=day) for frame in (plain, nse))
        if ours["iv_ours"].count() < 40:
            continue
        gap = float(np.nanmedian(_forward(ours)) - np.nanmedian(_forward(carried)))
        offs = [
            f"{np.nanmedian(off_vol(frame.filter(option_type=side))):+.2f}"
            for side in ("CE", "PE") for frame in (ours, carried)
        ]  # fmt: skip
        lines.append((day, f"{gap:+.0f}", *offs))
    return table(("expiry", "our forward less theirs, ₹", "calls: ours", "calls: `--rate nse`",
                  "puts: ours", "puts: `--rate nse`"), lines)  # fmt: skip


def _forward(rows: pl.DataFrame) -> Floats:
    made_of: Floats = column(rows, "strike") * np.exp(-column(rows, "log_moneyness"))
    return made_of


def site_search(both: Both) -> str:
    rows = traded(both)
    mores = {"whole days − 1 hour": -1 / 24, "whole days": 0.0, "whole days + 1 hour": 1 / 24,
             "whole days + 1": 1.0}  # fmt: skip

    def equal(rate: float, more: float) -> int:
        return int((np.abs(by_page(rows, rate, more) - column(rows, "iv")) <= 0.0051).sum())

    lines = [
        (f"{rate:.1%}", *(equal(rate, more) for more in mores.values()))
        for rate in (0.0, 0.065, 0.07, 0.095, 0.10, 0.105)
    ]
    return table(("rate", *mores), lines)


def site_remains(both: Both) -> str:
    """Which price each recorded volatility gives, beside the last trade and the book."""
    rows = traded(both)
    worth = made.greeks_by(rows, column(rows, "spot"), 0.10, column(rows, "days"))
    step = 0.0051 * worth.vega_per_pct + 0.001  # what the two printed decimals of it are worth
    last, bid, ask = (column(rows, name) for name in ("ltp", "bid", "ask"))
    is_last = np.abs(worth.price - last) <= step
    quoted = (bid > 0) & (ask > 0)
    in_book = quoted & (worth.price >= bid - step) & (worth.price <= ask + step) & ~is_last
    rest = ~is_last & ~in_book
    stale = quoted & ((last < bid) | (last > ask))
    away = np.where(worth.price > ask, worth.price - ask, bid - worth.price)
    part = np.abs(worth.price - last)[rest] / last[rest]
    return table(
        ("what", "figure"),
        [
            ("volatilities", rows.height),
            ("the last trade's, to the printed decimals", int(is_last.sum())),
            ("else of a price between bid and ask", int(in_book.sum())),
            ("neither: not explained", int(rest.sum())),
            ("… how far from the last trade: median, 90 %",
             ", ".join(f"{100 * np.percentile(part, at):.1f} %" for at in (50, 90))),
            ("… how far outside the book, ₹: median",
             figure(float(np.median(away[rest & quoted])))),
            ("last trades outside the book", int(stale.sum())),
        ],
    )  # fmt: skip
