"""One market, written down in every way chains come: each way gives back its volatility.

The prices are those of Black-76 at 12 %, computed here; files are made by the tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from math import erf, exp, log, sqrt
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.conftest import Cli, Done
from tests.unit.derivative_texts import future, option, udiff_fo

VOL, RATE = 0.12, 0.065


@dataclass(frozen=True)
class Market:
    """Five strikes about a forward; `years` from the close of `day` to that of `expiry`."""

    day: date
    expiry: date
    forward: float
    step: int
    lot: int
    month: str

    @property
    def years(self) -> float:
        return (self.expiry - self.day).days / 365

    def strikes(self) -> list[int]:
        return [int(self.forward) + self.step * n for n in (-2, -1, 0, 1, 2)]

    def price(self, strike: float, side: str) -> float:
        """Return the price on a tick of 5 paise."""
        call = self.delta(strike, "CE") * self.forward - self.discount * strike * _norm(
            self._d1(strike) - VOL * sqrt(self.years)
        )
        put = call - self.discount * (self.forward - strike)
        return round((call if side == "CE" else put) * 20) / 20

    def delta(self, strike: float, side: str) -> float:
        call = self.discount * _norm(self._d1(strike))
        return call if side == "CE" else call - self.discount

    @property
    def discount(self) -> float:
        return exp(-RATE * self.years)

    def _d1(self, strike: float) -> float:
        s = VOL * sqrt(self.years)
        return log(self.forward / strike) / s + s / 2

    def rows(self) -> list[tuple[int, str, float]]:
        return [(k, side, self.price(k, side)) for k in self.strikes() for side in ("CE", "PE")]


def _norm(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


NOW = Market(date(2026, 8, 13), date(2026, 8, 25), 24_100.0, 100, 65, "26AUG")
THEN = Market(date(2021, 3, 18), date(2021, 3, 25), 14_600.0, 100, 75, "21MAR")
AT = "2026-08-13T15:40:00"

# -- ways to write it down ------------------------------------------------------------------------


def bhavcopy(cli: Cli, folder: Path) -> Done:
    head = ("INSTRUMENT,SYMBOL,EXPIRY_DT,STRIKE_PR,OPTION_TYP,OPEN,HIGH,LOW,CLOSE,SETTLE_PR,"
            "CONTRACTS,VAL_INLAKH,OPEN_INT,CHG_IN_OI,TIMESTAMP,")  # fmt: skip
    lines = [
        f"OPTIDX,NIFTY,25-Mar-2021,{k},{side},{p},{p},{p},{p},{p},40,"
        f"{(k + p) * THEN.lot * 40 / 1e5:.2f},{THEN.lot * 100},0,18-MAR-2021,"
        for k, side, p in THEN.rows()
    ]
    path = folder / "days" / "fo18MAR2021bhav.csv"
    path.parent.mkdir()
    path.write_text("\n".join([head, *lines]) + "\n")
    return cli("fetch", "eod", "--from-dir", path.parent)


def udiff(cli: Cli, folder: Path) -> Done:
    prices = ("OpnPric", "HghPric", "LwPric", "ClsPric", "LastPric", "SttlmPric")
    rows = [
        option(k, side, lot=NOW.lot)
        | {"OpnIntrst": str(NOW.lot * 100), "TtlTrfVal": f"{(k + p) * 40 * NOW.lot:.2f}"}
        | dict.fromkeys(prices, f"{p:.2f}")
        for k, side, p in NOW.rows()
    ]
    path = folder / "days" / "BhavCopy_NSE_FO_0_0_0_20260813_F_0000.csv"
    path.parent.mkdir()
    path.write_bytes(udiff_fo(future(lot=NOW.lot), *rows))
    return cli("fetch", "eod", "--from-dir", path.parent)


def snapshot(cli: Cli, folder: Path) -> Done:
    path = folder / "collected.csv"
    lines = [f"202608131540,NIFTY50,25-Aug-2026,{k},{side},24050,{p},40,100,0,12"
             for k, side, p in NOW.rows()]  # fmt: skip
    head = "timestamp,symbol,expiry,strike,option_type,spot,ltp,volume,oi,oi_chg,iv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return cli("fetch", "chain", "--from-file", path)


def site(cli: Cli, folder: Path) -> Done:
    records = [
        {
            "strikePrice": k, "expiryDate": "25-Aug-2026",
            **{side: {"underlying": "NIFTY", "lastPrice": NOW.price(k, side), "bidprice": 0,
                      "askPrice": 0, "impliedVolatility": 12, "totalTradedVolume": 40,
                      "openInterest": 100, "changeinOpenInterest": 0, "underlyingValue": 24_050}
               for side in ("CE", "PE")},
        }
        for k in NOW.strikes()
    ]  # fmt: skip
    path = folder / "site.json"
    path.write_text(json.dumps({"records": {"timestamp": "13-Aug-2026 15:40:00", "data": records}}))
    return cli("fetch", "chain", "--from-file", path)


MAP = ("timestamp=When,expiry=Exp,strike=K,option_type=Right,last_price=Paid,spot=Und,"
       "open_interest=Held,volume=Done,iv=Sigma")  # fmt: skip


def frame() -> pl.DataFrame:
    """Return a table of nobody's form; quantities in units, volatility a fraction."""
    return pl.DataFrame(
        [
            {"When": datetime(2026, 8, 13, 15, 40), "Exp": NOW.expiry, "K": k,  # noqa: DTZ001 - as people write it
             "Right": {"CE": "call", "PE": "P"}[side], "Paid": p, "Und": 24_050.0,
             "Held": 100 * NOW.lot, "Done": 40 * NOW.lot, "Sigma": 0.12}
            for k, side, p in NOW.rows()
        ]
    )  # fmt: skip


def mapped_csv(cli: Cli, folder: Path) -> Done:
    frame().write_csv(folder / "own.csv")
    return cli("fetch", "chain", "--from-file", folder / "own.csv", "--underlying", "Nifty 50",
               "--map", MAP)  # fmt: skip


def mapped_parquet(cli: Cli, folder: Path) -> Done:
    frame().with_columns(Whose=pl.lit("NIFTY")).write_parquet(folder / "own.parquet")
    return cli("fetch", "chain", "--from-file", folder / "own.parquet", "--map",
               f"{MAP},underlying=Whose")  # fmt: skip


def two_sides(cli: Cli, folder: Path) -> Done:
    head = "day,clock,strike,expiry,C,P,COI,POI,CIV"
    lines = [f"2026-08-13,15:40:00,{k},2026-08-25,{NOW.price(k, 'CE')},{NOW.price(k, 'PE')},"
             "100,100,12" for k in NOW.strikes()]  # fmt: skip
    (folder / "wide.csv").write_text("\n".join([head, *lines]) + "\n")
    columns = (
        "date=day,time=clock,ce_last_price=C,pe_last_price=P,ce_open_interest_contracts=COI,"
        "pe_open_interest_contracts=POI,ce_iv_pct=CIV"
    )
    return cli("fetch", "chain", "--from-file", folder / "wide.csv", "--underlying", "NIFTY",
               "--map", columns)  # fmt: skip


Way = Callable[[Cli, Path], Done]
WAYS: list[tuple[Way, Market]] = [
    (bhavcopy, THEN), (udiff, NOW), (snapshot, NOW), (site, NOW), (mapped_csv, NOW),
    (mapped_parquet, NOW), (two_sides, NOW),
]  # fmt: skip


@pytest.mark.parametrize(("way", "market"), WAYS, ids=[way.__name__ for way, _ in WAYS])
def test_every_source_gives_the_market_back(
    way: Way, market: Market, cli: Cli, tmp_path: Path
) -> None:
    loaded = way(cli, tmp_path)
    assert loaded.code == 0, loaded.err
    again = ("--provider", "lake", "--on", market.day)
    done = cli("chain", "NIFTY", "--greeks", *again, "--json")
    assert done.code == 0, done.err
    facts, rows = done.json["summary"], done.json["data"]
    assert facts["forward"] == pytest.approx(market.forward, abs=0.1)
    assert facts["forward_source"] == "parity"
    assert facts["atm_iv"] == pytest.approx(VOL, abs=2e-4)
    assert facts["put_call_ratio_oi"] in {1.0, None}
    assert facts["lot_size"] == market.lot
    assert [(row["strike"], row["option_type"], row["last_price"]) for row in rows] == market.rows()
    for row in rows:
        assert row["iv"] == pytest.approx(VOL, abs=5e-4), row
        want = market.delta(row["strike"], row["option_type"])
        assert row["delta"] == pytest.approx(want, abs=2e-3)
    assert {row["open_interest"] for row in rows} == {100 * market.lot}

    one = cli("greeks", f"NIFTY{market.month}{market.forward:.0f}CE", *again, "--json")
    assert one.code == 0, one.err
    assert one.json["data"][0]["iv"] == pytest.approx(VOL, abs=2e-4)
    legs = cli("payoff", f"NIFTY +atmCE -atm+{market.step}CE", *again, "--json")
    assert legs.code == 0, legs.err
    paid = market.price(market.forward, "CE") - market.price(market.forward + market.step, "CE")
    assert legs.json["summary"]["max_loss"] == pytest.approx(-paid * market.lot, abs=0.01)


def test_the_simulated_exchange_needs_no_file(cli: Cli) -> None:
    source = ("--provider", "sim", "--as-of", "2026-08-13T12:00")
    done = cli("chain", "NIFTY", "--greeks", *source, "--json")
    (row,) = (row for row in done.json["data"] if row["moneyness"] == "ATM"
              and row["option_type"] == "CE")  # fmt: skip
    one = cli("greeks", row["tradingsymbol"], *source, "--json").json["data"][0]
    assert (one["iv"], one["delta"]) == (row["iv"], row["delta"])
    assert cli("payoff", "NIFTY +atmCE -atm+200CE", *source).code == 0


def test_a_volatility_of_the_source_is_stored_as_a_fraction(cli: Cli, tmp_path: Path) -> None:
    query = "select distinct source, iv, volume from chains order by 1"
    mapped_csv(cli, tmp_path)
    assert cli("sql", query, "--json").json["data"] == [
        {"source": "chain_table", "iv": 0.12, "volume": 2600}
    ]


def test_two_sides_of_a_row_are_two_contracts(cli: Cli, tmp_path: Path) -> None:
    two_sides(cli, tmp_path)
    query = "select option_type, iv, open_interest from chains where strike = 24100 order by 1"
    assert cli("sql", query, "--json").json["data"] == [
        {"option_type": "CE", "iv": 0.12, "open_interest": 6500},
        {"option_type": "PE", "iv": None, "open_interest": 6500},
    ]
