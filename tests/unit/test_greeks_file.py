"""A book of positions: the net is the sum of its legs; a leg nobody can value spoils nothing."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.chain import ChainRequest, chain
from alphastock_cli.actions.greeks_file import Grid, greeks_file
from alphastock_cli.actions.option_words import Rate
from alphastock_cli.actions.result import Result
from alphastock_cli.analytics.greeks import FIRST_ORDER
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import DamagedData, NotOffered, TransientError
from tests.conftest import ManualClock
from tests.unit.chain_market import CLOSE, FAR, MOMENT, NEAR, FakeMarket, black76, exact_chain

FAR_YEARS = (CLOSE.replace(month=12, day=29) - MOMENT).total_seconds() / (365 * 86400)
SBIN = exact_chain(name="SBIN", forward=812.0, strikes=[760.0 + 10 * n for n in range(11)], vol=0.3)


def market(**changes: Any) -> FakeMarket:
    return FakeMarket(
        {
            ("NIFTY", NEAR): exact_chain(),
            ("NIFTY", FAR): exact_chain(forward=24_250.0, years=FAR_YEARS, expiry=FAR, vol=0.15),
            ("SBIN", NEAR): [row | {"lot_size": 750} for row in SBIN],
        },
        spots={"NSE:NIFTY 50": 24_050.0, "NSE:SBIN": 811.0},
        future=pl.DataFrame({"expiry": [NEAR], "last_price": [24_085.0]}), **changes,
    )  # fmt: skip


BOOK = """tradingsymbol,quantity,price
NIFTY26NOV24000CE,-65,150
NIFTY26NOV24000PE,130,
NIFTY26DEC24500CE,65,200
SBIN26NOV800CE,750,20
SBIN,-100,800
NIFTY26NOVFUT,65,24000
"""


def valued(
    text: str, folder: Path, clock: ManualClock, *, source: FakeMarket | None = None,
    grid: Grid | None = None, rate: Rate | None = None, **words: Any,
) -> Result:  # fmt: skip
    path = folder / "book.csv"
    path.write_text(text, encoding="utf-8")
    return greeks_file(source or market(), clock, path, rate or Rate(), grid or Grid(), **words)


def test_net_is_the_sum_of_the_legs(tmp_path: Path, clock: ManualClock) -> None:
    result = valued(BOOK, tmp_path, clock)
    rows, facts = list(result.records()), result.summary
    assert [row["status"] for row in rows] == ["ok"] * 6
    net = facts["net"]
    for name in FIRST_ORDER[2:]:
        assert net[name] == pytest.approx(sum(r[name] * r["quantity"] for r in rows), rel=1e-12)
    assert (net["delta"], net["gamma"]) == (None, None)
    for part in facts["by_underlying"]:
        mine = [row for row in rows if row["underlying"] == part["underlying"]]
        for name in FIRST_ORDER:
            wanted = sum(row[name] * row["quantity"] for row in mine)
            assert part[name] == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    assert net["value"] == pytest.approx(
        sum(row["quantity"] * row["price"] for row in rows if row["tradingsymbol"][-3:] != "FUT")
    )
    entries = {"NIFTY26NOV24000CE": 150, "NIFTY26DEC24500CE": 200, "SBIN26NOV800CE": 20,
               "SBIN": 800, "NIFTY26NOVFUT": 24_000}  # fmt: skip
    profit = sum(
        row["quantity"] * (row["price"] - entries[row["tradingsymbol"]])
        for row in rows
        if row["tradingsymbol"] in entries
    )
    assert net["pnl"] == pytest.approx(profit, rel=1e-12)
    assert (net["legs_with_entry"], facts["legs"], facts["legs_counted"]) == (5, 6, 6)
    levels = [24_080.0, 24_080.0, 24_250.0, 812.0, 811.0, 24_085.0]
    value = sum(r["delta"] * r["quantity"] * f for r, f in zip(rows, levels, strict=True))
    assert net["delta_value"] == pytest.approx(value, rel=1e-6)


def test_a_leg_is_its_row_of_the_chain(tmp_path: Path, clock: ManualClock) -> None:
    leg = next(iter(valued(BOOK, tmp_path, clock).records()))
    request = ChainRequest(underlying="NIFTY", rate=Rate(), greeks=True, columns=(
        "tradingsymbol,price,iv,iv_status,delta,gamma,theta_per_day,vega_per_pct,rho_per_pct"),
        where="tradingsymbol = 'NIFTY26NOV24000CE'")  # fmt: skip
    row = next(iter(chain(market(), clock, request).records()))
    assert {name: leg[name] for name in row} == dict(row)
    assert (leg["strike"], leg["option_type"], leg["expiry"]) == (24_000.0, "CE", NEAR)
    assert (leg["quantity"], leg["lots"], leg["entry_price"]) == (-65, -1.0, 150.0)


def test_futures_and_shares(tmp_path: Path, clock: ManualClock) -> None:
    *_, share, future = valued(BOOK, tmp_path, clock).records()
    assert (share["price"], share["price_source"], share["delta"]) == (811.0, "quote", 1.0)
    assert (share["value"], share["pnl"]) == (-81_100.0, -1_100.0)
    assert (future["price"], future["price_source"]) == (24_085.0, "future")
    assert (future["value"], future["pnl"], future["gamma"]) == (None, 65 * 85.0, 0.0)
    assert (future["iv"], future["iv_status"], future["lots"]) == (None, None, 1.0)
    text = "underlying,expiry,option_type,quantity\nNIFTY,2026-12-29,FUT,65\n"
    (far,) = valued(text, tmp_path, clock).records()
    assert (far["price_source"], far["status"]) == ("parity", "ok")
    assert far["price"] == pytest.approx(24_250.0, abs=0.01)


def test_every_scenario_against_one_option_at_a_time(tmp_path: Path, clock: ManualClock) -> None:
    text = "tradingsymbol,quantity\nNIFTY26NOV24000CE,-65\nNIFTY26DEC24500CE,65\nNIFTY26NOVFUT,65\n"
    grid = Grid(spot_pct=(-5.0, 0.0, 3.0), iv_points=(-2.0, 0.0, 5.0), days=(0.0, 1.0, "expiry"))
    result = valued(text, tmp_path, clock, grid=grid)
    near, far, _ = result.records()
    cells = result.summary["scenarios"]
    assert len(cells) == 27
    left = (CLOSE - MOMENT) / timedelta(days=1)
    assert sorted({cell["days"] for cell in cells}) == [0.0, 1.0, left]
    assert cells[-1]["at"] == CLOSE
    now = {"near": (CLOSE - MOMENT).total_seconds() / 86400 / 365, "far": FAR_YEARS}

    def worth(leg: Any, forward: float, years: float, vol: float) -> float:
        if years <= 1e-12:
            return max(forward - leg["strike"], 0.0)
        return black76(forward, leg["strike"], years, vol, 0.065, "CE")

    for cell in cells:
        up, shift, passed = 1 + cell["spot_pct"] / 100, cell["iv_points"] / 100, cell["days"] / 365
        wanted = 65 * 24_085.0 * cell["spot_pct"] / 100
        for leg, forward, years, units in (
            (near, 24_080.0, now["near"], -65), (far, 24_250.0, now["far"], 65),
        ):  # fmt: skip
            moved = worth(leg, forward * up, years - passed, leg["iv"] + shift)
            wanted += units * (moved - worth(leg, forward, years, leg["iv"]))
        assert cell["pnl"] == pytest.approx(wanted, rel=1e-6, abs=1.0)
    still = [c["pnl"] for c in cells if c["spot_pct"] == c["iv_points"] == c["days"] == 0]
    assert still == [pytest.approx(0.0, abs=1e-6)]


def test_a_bad_row_is_told_and_left_out(tmp_path: Path, clock: ManualClock) -> None:
    text = BOOK + "NIFTY26NOV24050CE,65,\nNIFTY26NOV24000CE,many,\nNIFTY26NOV99CE,5,1\n"
    whole, spoiled = valued(BOOK, tmp_path, clock), valued(text, tmp_path, clock)
    assert spoiled.summary["net"] == whole.summary["net"]
    assert spoiled.summary["scenarios"] == whole.summary["scenarios"]
    assert list(spoiled.records())[:6] == list(whole.records())
    bad = list(spoiled.records())[6:]
    assert [row["line"] for row in bad] == [8, 9, 10]
    assert "no such contract" in bad[0]["status"]
    assert "is no number" in bad[1]["status"]
    assert all(row["delta"] is None and row["value"] is None for row in bad)
    assert sum(text.startswith("line ") for text in spoiled.warnings) == 3
    assert "line 9" in spoiled.warnings[1]


def test_a_leg_without_a_price(tmp_path: Path, clock: ManualClock) -> None:
    source = market()
    for row in source.chains["NIFTY", NEAR]:
        if row["strike"] == 24_000.0:
            row.update(last_price=None, bid=None, ask=None, volume=0)
    text = "tradingsymbol,quantity,iv\nNIFTY26NOV24000CE,65,\nNIFTY26NOV24000PE,65,0.14\n"
    result = valued(text, tmp_path, clock, source=source)
    none, given = result.records()
    assert none["status"].startswith("not valued: no_")
    assert (none["price"], none["delta"]) == (None, None)
    assert (given["status"], given["iv_status"], given["price_source"]) == ("ok", "given", "iv")
    years = (CLOSE - MOMENT).total_seconds() / 86400 / 365
    wanted = black76(24_080.0, 24_000.0, years, 0.14, 0.065, "PE")
    assert given["price"] == pytest.approx(wanted, rel=1e-6)
    assert result.summary["legs_counted"] == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("NIFTY26NOV24000CE,65,2,,", "do not agree"),
        ("NIFTY26NOV24000CE,,0.5,,", "no whole units"),
        ("SBIN,,2,,", "a share has no lots"),
        ("NIFTY26NOV24000CE,65,,PE,", "the row says PE"),
        ("NIFTY26NOV24000CE,65,,,2026-12-29", "the row says 2026-12-29"),
        ("NOBODY,65,,EQ,", "no such contract"),
    ],
)
def test_contradictions(row: str, reason: str, tmp_path: Path, clock: ManualClock) -> None:
    text = f"tradingsymbol,quantity,lots,option_type,expiry\n{row}\nNIFTY26NOV24000CE,,-2,CE,\n"
    bad, good = valued(text, tmp_path, clock).records()
    assert reason in bad["status"]
    assert (good["status"], good["quantity"], good["lots"]) == ("ok", -130, -2.0)


def test_an_index_in_any_spelling_is_one_underlying(tmp_path: Path, clock: ManualClock) -> None:
    text = (
        "tradingsymbol,underlying,expiry,strike,type,qty\n"
        ",Nifty 50,2026-11-24,24000,CE,65\n"
        "NIFTY26NOV24000PE,NIFTY 50,,,,65\n"
    )
    result = valued(text, tmp_path, clock)
    assert [row["status"] for row in result.records()] == ["ok", "ok"]
    assert [row["underlying"] for row in result.records()] == ["NIFTY", "NIFTY"]
    assert result.summary["net"]["delta"] is not None


def test_nothing_that_can_be_valued(tmp_path: Path, clock: ManualClock) -> None:
    result = valued("tradingsymbol,quantity\nFOO26NOV1CE,5\n", tmp_path, clock)
    facts = result.summary
    assert (facts["net"]["delta"], facts["net"]["value"], facts["scenarios"]) == (None, None, [])
    assert len(result) == 1


def test_bsm_speaks_of_the_spot(tmp_path: Path, clock: ManualClock) -> None:
    text = "tradingsymbol,quantity\nNIFTY26NOV24000CE,65\n"
    held = valued(text, tmp_path, clock, rate=Rate(value=0.065, model="bsm"))
    net = held.summary["net"]
    assert net["delta_value"] == pytest.approx(net["delta"] * 24_050.0, rel=1e-9)
    years = (CLOSE - MOMENT).total_seconds() / 86400 / 365
    day = next(c for c in held.summary["scenarios"] if c["days"] == 1 and c["spot_pct"] == 0
               and c["iv_points"] == 0)  # fmt: skip
    leg = next(iter(held.records()))
    then = black76(24_050.0 * math.exp(0.065 * (years - 1 / 365)), 24_000.0, years - 1 / 365,
                   leg["iv"], 0.065, "CE")  # fmt: skip
    assert day["pnl"] == pytest.approx(65 * (then - leg["price"]), abs=0.01)


def test_refusals(tmp_path: Path, clock: ManualClock) -> None:
    class Plain(FakeMarket):
        capabilities = frozenset({Capability.QUOTES})

    class Broken(FakeMarket):
        def instruments(self, exchange: Any) -> pl.DataFrame:
            raise TransientError(f"time-out of {exchange}")

    with pytest.raises(NotOffered):
        valued(BOOK, tmp_path, clock, source=Plain())
    with pytest.raises(TransientError):
        valued(BOOK, tmp_path, clock, source=Broken())
    with pytest.raises(DamagedData):
        valued(BOOK, tmp_path, clock, max_age=60.0)


def test_a_multiplier_makes_the_money(tmp_path: Path, clock: ManualClock) -> None:
    ends = CLOSE.replace(month=12, day=16, hour=23, minute=30)
    years = (ends - MOMENT).total_seconds() / (365 * 86400)
    strikes = [5_600.0 + 50 * n for n in range(9)]
    rows = exact_chain(name="CRUDEOIL", forward=5_800.0, strikes=strikes, expiry=ends.date(),
                       years=years, vol=0.35)  # fmt: skip
    source = FakeMarket({("CRUDEOIL", ends.date()): [row | {"lot_size": 1} for row in rows]})
    text = (
        "underlying,expiry,strike,option_type,quantity,price\nCRUDEOIL,2026-12-16,5800,CE,-2,150\n"
    )
    result = valued(text, tmp_path, clock, source=source)
    (leg,) = result.records()
    net = result.summary["net"]
    assert leg["multiplier"] == 100
    assert leg["value"] == pytest.approx(-200 * leg["price"])
    assert leg["pnl"] == pytest.approx(-200 * (leg["price"] - 150))
    assert net["delta"] == pytest.approx(-200 * leg["delta"])
    cells = {
        (c["days"], c["iv_points"], c["spot_pct"]): c["pnl"] for c in result.summary["scenarios"]
    }
    up = black76(5_858.0, 5_800.0, years, leg["iv"], 0.065, "CE")
    assert cells[0, 0, 1] == pytest.approx(-200 * (up - leg["price"]), rel=5e-3)
