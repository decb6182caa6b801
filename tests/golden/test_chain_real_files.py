"""Chains of real files: the exchange's own volatilities, parity, max pain by brute force."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl
import pytest

from alphastock_cli.analytics import chain_interest
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from tests.conftest import IST, ManualClock
from tests.unit.chain_market import FakeMarket

AT = datetime(2023, 5, 3, 15, 30, tzinfo=IST)
Key = tuple[date, float, str]


@pytest.fixture(scope="module")
def nse(shared_data: Path) -> tuple[FakeMarket, dict[Key, float]]:
    """Return BANKNIFTY as the exchange's site showed it, and its volatilities in percent."""
    path = shared_data / "options" / "nse_option_chain_BANKNIFTY_2023-05.json.gz"
    if not path.is_file():
        pytest.skip("no option chain of the exchange's site")
    records = json.loads(gzip.decompress(path.read_bytes()))["records"]
    held: dict[tuple[str, date], list[dict[str, Any]]] = {}
    shown: dict[Key, float] = {}
    for record in records["data"]:
        expiry = datetime.strptime(record["expiryDate"], "%d-%b-%Y").date()  # noqa: DTZ007 - a day
        for kind in ("CE", "PE"):
            if kind not in record:
                continue
            row, strike = record[kind], float(record["strikePrice"])
            shown[expiry, strike, kind] = row["impliedVolatility"]
            held.setdefault(("BANKNIFTY", expiry), []).append(
                {
                    "tradingsymbol": row["identifier"], "underlying": "BANKNIFTY",
                    "expiry": expiry, "strike": strike, "option_type": kind,
                    "last_price": row["lastPrice"] or None, "bid": row["bidprice"] or None,
                    "ask": row["askPrice"] or None, "volume": row["totalTradedVolume"],
                    "open_interest": row["openInterest"], "oi_change": row["changeinOpenInterest"],
                }
            )  # fmt: skip
    spots = {"NSE:NIFTY BANK": records["underlyingValue"]}
    return FakeMarket(held, spots=spots, moment=AT), shown


@pytest.mark.parametrize("day", ["2023-05-04", "2023-05-11", "2023-05-18", "2023-05-25"])
def test_rate_nse_gives_the_exchange_s_own_volatilities(
    day: str, nse: tuple[FakeMarket, dict[Key, float]]
) -> None:
    market, shown = nse
    expiry = date.fromisoformat(day)
    options = ChainOptions(expiry=expiry, rate=0.10, model="bsm", rate_source="nse")
    runner = OptionsRunner(market, clock=ManualClock(AT), symbols=("BANKNIFTY",), options=options)
    frame = runner.run_once()["BANKNIFTY"].facts["chain"]
    off = [
        row["iv"] * 100 / shown[expiry, row["strike"], row["option_type"]] - 1
        for row in frame.filter(pl.col("iv").is_not_null() & (pl.col("volume") > 0)).iter_rows(
            named=True
        )
        if shown[expiry, row["strike"], row["option_type"]]
    ]
    # the exchange takes last trades where we take mid prices: single rows differ, the middle not
    assert len(off) > 35
    assert abs(median(off)) < 0.001
    assert median(abs(x) for x in off) < 0.004


def test_the_forward_by_parity_moves_slowly_over_the_expiries(
    nse: tuple[FakeMarket, dict[Key, float]],
) -> None:
    market, _ = nse
    found = {}
    for expiry in market.expiries("BANKNIFTY")[:6]:
        runner = OptionsRunner(
            market, clock=ManualClock(AT), symbols=("BANKNIFTY",),
            options=ChainOptions(expiry=expiry),
        )  # fmt: skip
        facts = runner.run_once()["BANKNIFTY"].facts
        assert (facts["forward_source"], facts["forward_quoted"]) == ("parity", True)
        found[expiry] = facts["forward"]
    spot = market.spots["NSE:NIFTY BANK"]
    assert all(abs(forward / spot - 1) < 0.005 for forward in found.values())


def test_max_pain_of_every_stock_by_brute_force(shared_data: Path) -> None:
    path = shared_data / "options" / "kite_option_chain_all_fno_2026-02-03.zip"
    if not path.is_file():
        pytest.skip("no chains of all stocks")
    with zipfile.ZipFile(path) as archive:
        frame = pl.read_csv(io.BytesIO(archive.read(archive.namelist()[0])))
    checked = 0
    for _, group in frame.group_by("Stock"):
        sides = [
            group.select(
                strike=pl.col("Strike").cast(pl.Float64), option_type=pl.lit(kind),
                open_interest=pl.col(f"{kind}_OI").cast(pl.Int64),
            )
            for kind in ("CE", "PE")
        ]  # fmt: skip
        held = list(group.select("Strike", "CE_OI", "PE_OI").iter_rows())

        def paid(at: float, held: list[tuple[float, float, float]] = held) -> float:
            return sum(
                ce * max(at - strike, 0.0) + pe * max(strike - at, 0.0) for strike, ce, pe in held
            )

        want = min(sorted({strike for strike, _, _ in held}), key=paid)
        assert chain_interest.max_pain(pl.concat(sides)) == want
        checked += 1
    assert checked == 193
