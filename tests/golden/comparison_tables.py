"""The tables of docs/options-compared.md about the collector's NIFTY, from both sides' rows.

What the other side's figures are compared with, and its way of computing them: `chain_comparison`.
"""

from __future__ import annotations

from datetime import timedelta

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
    share,
    spread,
    table,
)

# -- the collector's chain of NIFTY ---------------------------------------------------------------


def nifty_rows(both: Both) -> str:
    held, ours = both[0].theirs, both[0].both["default"]
    solved = ours.filter(pl.col("iv") != made.UNSOLVED)
    reasons = dict(solved.filter(pl.col("iv_ours").is_null())["iv_status"].value_counts().rows())
    none = held.filter(pl.col("iv") == made.UNSOLVED)
    alone = with_page(ours).filter(
        (pl.col("iv") == made.UNSOLVED) & pl.col("iv_ours").is_not_null()
    )
    neither = int(np.isnan(theirs_vol(alone)).sum())
    return table(
        ("rows", "count"),
        [
            ("recorded: 102 snapshots, 4 expiries", held.height),
            ("of these with 0.1 as volatility (not found)", none.height),
            ("beside ours: every fifth snapshot", ours.height),
            ("left out: recorded as 0.1", ours.height - solved.height),
            *((f"left out: ours is `{word}`", n) for word, n in sorted(reasons.items())),
            ("compared", solved["iv_ours"].count()),
            ("recorded as 0.1 though ours has a volatility", alone.height),
            ("… the price is below intrinsic value on their forward", neither),
            ("… not explained", alone.height - neither),
        ],
    )


def theirs_vol(rows: pl.DataFrame) -> Floats:
    return made.vol_by(rows, column(rows, "page"), 0.10, column(rows, "days"), "ltp")


def with_page(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(page=made.page_spots(rows))


def nifty_vol(both: Both) -> str:
    rows = []
    for choice, name in (("default", "ours"), ("nse", "`--rate nse`")):
        kept = both[0].both[choice].filter(pl.col("iv") != made.UNSOLVED)
        for word, part in made.classed(kept.filter(pl.col("iv_ours").is_not_null())):
            rows.append((name, word, part.height, *spread(off_vol(part))))
    theirs = with_page(both[0].both["default"]).filter(pl.col("iv") != made.UNSOLVED)
    solved = theirs.filter(pl.Series(np.isfinite(theirs_vol(theirs))))
    for word, part in made.classed(solved):
        rows.append(("theirs", word, part.height, *spread(theirs_vol(part) - column(part, "iv"))))
    return table(("by", "strikes", "rows", *SPREAD), rows)


def nifty_sides(both: Both) -> str:
    plain, nse = (both[0].both[choice].filter(pl.col("iv") != made.UNSOLVED)
                  for choice in ("default", "nse"))  # fmt: skip
    theirs = with_page(both[0].both["default"]).filter(pl.col("iv") != made.UNSOLVED)
    near = pl.col("log_moneyness").abs() <= np.log(1.01)
    rows = []
    for day in sorted(plain["expiry"].unique()):
        for side in ("CE", "PE"):
            kept = [f.filter(near, expiry=day, option_type=side) for f in (plain, nse, theirs)]
            offs = [off_vol(kept[0]), off_vol(kept[1]), theirs_vol(kept[2]) - column(kept[2], "iv")]
            rows.append((day, side, *(f"{np.nanmedian(off):+.2f}" for off in offs)))
    return table(("expiry", "side", "ours", "`--rate nse`", "theirs"), rows)


def nifty_search(both: Both) -> str:
    """Which rate and which time explain the recorded volatilities, on the spots of the Greeks."""
    rows = with_page(both[0].theirs).filter(pl.col("iv") != made.UNSOLVED)
    shifts: dict[str, made.Shift] = {
        "whole days": made.minutes_more(0), "whole days + 1": made.minutes_more(1440),
        "to 15:30": made.until(rows["time"], 15, 30), "to 15:40": made.until(rows["time"], 15, 40),
    }  # fmt: skip
    lines = []
    for rate in made.RATES:
        cells = []
        for shift in shifts.values():
            days = shift(column(rows, "days"))
            off = made.vol_by(rows, column(rows, "page"), rate, days, "ltp") - column(rows, "iv")
            cells.append(figure(float(np.nanmedian(np.abs(off)))))
        lines.append((f"{rate:.1%}", *cells))
    return table(("rate", *shifts), lines)


def nifty_remains(both: Both) -> str:
    """What moves of the spot would explain what is left of the volatilities."""
    rows = with_page(both[0].theirs).filter(pl.col("iv") != made.UNSOLVED)
    worth = made.greeks_by(rows, column(rows, "page"), 0.10, column(rows, "days"))
    usable = np.abs(worth.delta) > 0.02
    points = np.abs((column(rows, "ltp") - worth.price) / np.where(usable, worth.delta, np.nan))
    held = points[np.isfinite(points)]
    order = ["expiry", "strike", "option_type"]
    chained = with_page(both[0].theirs).sort(*order, "time").with_columns(
        pl.col(name).shift(1).over(order).alias(f"{name}_before")
        for name in ("ltp", "iv", "page", "time")
    )  # fmt: skip
    still = chained.filter(
        pl.col("time") - pl.col("time_before") == timedelta(minutes=1),
        pl.col("ltp") == pl.col("ltp_before"), (pl.col("page") - pl.col("page_before")).abs() > 3,
    )  # fmt: skip
    return table(
        ("what", "figure"),
        [
            ("rows whose option moves at least 2 paise a rupee of spot", held.size),
            ("move of the spot that explains the row, ₹: median", figure(float(np.median(held)))),
            *((f"… at most ₹{at}", share(float((held <= at).sum()), held.size))
              for at in (5, 10, 20, 40)),
            ("contracts with the trade of a minute before, the spot ₹3 or more away", still.height),
            ("… the same recorded volatility",
             share(still.filter(pl.col("iv") == pl.col("iv_before")).height, still.height)),
            ("… the same recorded delta",
             share(_same_delta(still, chained), still.height)),
        ],
    )  # fmt: skip


def _same_delta(still: pl.DataFrame, chained: pl.DataFrame) -> int:
    order = ["expiry", "strike", "option_type", "time"]
    before = chained.select(*order[:3], pl.col("time") + timedelta(minutes=1), was=pl.col("delta"))
    return still.join(before, on=order).filter(pl.col("delta") == pl.col("was")).height


def nifty_greeks(both: Both) -> str:
    plain, bsm = both[0].both["default"], both[0].both["bsm"]
    theirs = with_page(plain)
    lines = []
    for name, (own, _) in made.GREEKS.items():
        held = f"{own}_ours" if f"{own}_ours" in plain.columns else own
        kept = pl.col("iv") != made.UNSOLVED, pl.col("iv_ours").is_not_null()
        parts = zip(*(made.classed(f.filter(*kept)) for f in (plain, bsm, theirs)), strict=True)
        for (word, a), (_, b), (_, c) in parts:
            there = made.greeks_by(c, column(c, "page"), 0.065, column(c, "days"))
            offs = [column(a, held) - column(a, name), column(b, held) - column(b, name),
                    getattr(there, own) - column(c, name)]  # fmt: skip
            cells = [spread(off) for off in offs]
            lines.append((name, word, *(cell[i] for cell in cells for i in (0, 1, 3))))
    three = ("median", "90 %", "largest")
    return table(("column", "strikes", *(f"{who}: {each}" for who in
                  ("ours", "`--model bsm`", "theirs") for each in three)), lines)  # fmt: skip


def nifty_greeks_all(both: Both) -> str:
    rows = with_page(both[0].theirs)
    there = made.greeks_by(rows, column(rows, "page"), 0.065, column(rows, "days"))
    moved = np.abs(column(rows, "page") - column(rows, "spot"))
    recorded = made.greeks_by(rows, column(rows, "spot"), 0.065, column(rows, "days"))
    lines = []
    for name, (own, digits) in made.GREEKS.items():
        off = np.abs(getattr(there, own) - column(rows, name))
        printed = 0.5 * 10.0**-digits * 1.02
        elsewhere = np.abs(getattr(recorded, own) - column(rows, name))
        lines.append((name, digits, share(float((off <= printed).sum()), off.size),
                      figure(float(off.max())), figure(float(elsewhere.max()))))  # fmt: skip
    lines.append(("spot, ₹", 2, "–", figure(float(moved.max())), "0"))
    return table(("column", "decimals", "as printed", "largest", "largest on the recorded spot"),
                 lines)  # fmt: skip


def nifty_greeks_search(both: Both) -> str:
    """Rate and time of the Greeks by their largest miss of theta, the column that sees both."""
    rows = with_page(both[0].theirs)
    shifts: dict[str, made.Shift] = {
        "whole days": made.minutes_more(0), "whole days + 1": made.minutes_more(1440),
        "to 15:30": made.until(rows["time"], 15, 30), "360 days": lambda days: days * 365 / 360,
        "252 days": lambda days: days * 365 / 252,
    }  # fmt: skip
    lines = []
    for rate in made.RATES:
        cells = []
        for shift in shifts.values():
            there = made.greeks_by(
                rows, column(rows, "page"), rate, shift(column(rows, "days"))
            ).theta_per_day
            cells.append(figure(float(np.median(np.abs(there - column(rows, "theta"))))))
        lines.append((f"{rate:.1%}", *cells))
    return table(("rate", *shifts), lines)
