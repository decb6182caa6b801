"""Real snapshots of option chains: stored as they are, answered at their moment, and judged."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

import duckdb
import polars as pl
import pytest

from alphastock_cli.actions.fetch_chain import fetch_chain
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.replay import Replay
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

NOW = datetime(2026, 11, 20, 18, tzinfo=IST)
DAY, AT = date(2026, 8, 19), datetime(2026, 8, 19, 11, 30, tzinfo=IST)
NEAR = date(2026, 8, 25)
COLLECTED = ("option_chain_20260819.parquet", "option_chain_20260821.parquet")
SITE, STOCKS = ("nse_option_chain_BANKNIFTY_2023-05.json.gz",
                "kite_option_chain_all_fno_2026-02-03.zip")  # fmt: skip


@pytest.fixture(scope="module")
def lake(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("chains") / "lake")
    for name in (*COLLECTED, SITE, STOCKS):
        path = shared_data / "options" / name
        if not path.is_file():
            pytest.skip(f"no {name}")
        result = fetch_chain(made, ManualClock(NOW), path)
        assert result.summary["rows_rejected"] == result.summary["rows_repeated"] == 0
    return made


def stored(lake: Lake, source: str) -> pl.DataFrame:
    return lake.scan("chains").filter(source=source).collect()


# -- what is stored -----------------------------------------------------------------------------


def test_every_row_of_the_collector_against_duckdb(shared_data: Path, lake: Lake) -> None:
    held = stored(lake, "chain_collector")
    query = """
        select count(*), count(distinct timestamp), sum(strike), sum(ltp), sum(volume) * 65,
               sum(oi) * 65, sum(oi_chg) * 65, sum(iv) filter (iv <> 0.1) / 100,
               count(*) filter (iv = 0.1), count(*) filter (oi % 65 = 0 and oi > 0)
        from read_parquet(?)"""
    paths = [str(shared_data / "options" / name) for name in COLLECTED]
    (rows, moments, strikes, prices, volume, held_open, change, iv, unsolved, whole) = (
        duckdb.connect().execute(query, [paths]).fetchone() or ()
    )
    assert (rows, moments, unsolved) == (46_972, 103, 2869)
    assert (held.height, held["time"].n_unique()) == (rows, moments)
    assert held["iv"].null_count() == unsolved
    sums = held.select(pl.col("strike", "last_price", "iv").sum()).row(0)
    assert sums == pytest.approx((strikes, prices, iv), rel=1e-12)
    counts = held.select(pl.col("volume", "open_interest", "oi_change").sum()).row(0)
    assert counts == (volume, held_open, change)
    assert whole / rows < 0.02, "as few as chance gives are whole lots: the file counts contracts"
    assert set(held["underlying"]) == {"NIFTY"}
    assert ((held["spot"] * 100 - (held["spot"] * 100).round(0)).abs() < 1e-6).all()


def test_every_contract_of_the_exchange_s_site(shared_data: Path, lake: Lake) -> None:
    records = json.loads(gzip.decompress((shared_data / "options" / SITE).read_bytes()))["records"]
    held = {
        (row["expiry"], row["strike"], row["option_type"]): row
        for row in stored(lake, "nse_option_chain_json").iter_rows(named=True)
    }
    lots = {}
    for record in records["data"]:
        expiry = datetime.strptime(record["expiryDate"], "%d-%b-%Y").date()  # noqa: DTZ007 - a day
        for kind in {"CE", "PE"} & record.keys():
            raw, row = record[kind], held.pop((expiry, float(record["strikePrice"]), kind))
            lot = 15 if expiry == date(2023, 7, 27) else 25
            assert not any(raw[name] % lot for name in ("bidQty", "askQty", "totalBuyQuantity"))
            lots[expiry] = lot
            assert row["open_interest"] == raw["openInterest"] * lot
            assert row["volume"] == raw["totalTradedVolume"] * lot
            assert row["oi_change"] == raw["changeinOpenInterest"] * lot
            assert (row["last_price"], row["bid"], row["ask"]) == (
                raw["lastPrice"] or None, raw["bidprice"] or None, raw["askPrice"] or None,
            )  # fmt: skip
            assert (row["iv"] or 0.0) * 100 == pytest.approx(raw["impliedVolatility"])
            assert row["time"] == datetime(2023, 5, 3, 15, 30, tzinfo=IST)
    assert not held
    assert sorted(lots.values()) == [15, *[25] * 9]


def test_every_stock_of_the_broker_s_quotes(shared_data: Path, lake: Lake) -> None:
    held = stored(lake, "chain_kite_fno")
    assert (held.height, held["underlying"].n_unique(), held["time"].n_unique()) == (53_436, 193, 3)
    truth: dict[tuple[str, str, float, str], tuple[float | None, int, int]] = {}
    with zipfile.ZipFile(shared_data / "options" / STOCKS) as archive:
        for name in archive.namelist():
            for row in csv.DictReader(io.StringIO(archive.read(name).decode())):
                for kind in ("CE", "PE"):
                    key = (row["timestamp"][:16], row["Stock"], float(row["Strike"]), kind)
                    truth[key] = (
                        float(row[f"{kind}_LTP"]) or None, int(float(row[f"{kind}_OI"])),
                        int(float(row[f"{kind}_Volume"])),
                    )  # fmt: skip
    for row in held.iter_rows(named=True):
        key = (f"{row['time']:%Y-%m-%d %H:%M}", row["underlying"], row["strike"],
               row["option_type"])  # fmt: skip
        assert truth.pop(key) == (row["last_price"], row["open_interest"], row["volume"])
    assert not truth


def test_a_second_load_changes_nothing(shared_data: Path, lake: Lake) -> None:
    before = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*.parquet")}
    for name in (COLLECTED[0], STOCKS):
        result = fetch_chain(lake, ManualClock(NOW), shared_data / "options" / name)
        assert result.warnings[0].startswith("nothing new")
    assert {path: path.stat().st_mtime_ns for path in lake.root.rglob("*.parquet")} == before


# -- what is answered ---------------------------------------------------------------------------


def enriched(lake: Lake, moment: datetime, options: ChainOptions, name: str = "NIFTY") -> Snapshot:
    clock = ManualClock(moment)
    source = LakeProvider(lake, clock, as_of=moment)
    runner = OptionsRunner(source, clock=clock, symbols=(name,), options=options)
    return runner.run_once()[name]


def test_the_chain_at_a_moment_is_the_snapshot_of_that_minute(
    shared_data: Path, lake: Lake
) -> None:
    raw = pl.read_parquet(shared_data / "options" / COLLECTED[0])
    truth = raw.filter(timestamp="202608191130", expiry="25-Aug-2026")
    made = enriched(lake, AT + timedelta(seconds=59), ChainOptions())
    frame: pl.DataFrame = made.facts["chain"]
    assert (made.as_of, made.facts["expiry"], made.facts["lot_size"]) == (AT, NEAR, 65)
    assert made.facts["spot"] == pytest.approx(truth["spot"][0], abs=1e-3)
    known = frame.filter(pl.col("last_price").is_not_null())
    assert known.height == truth.height == 187
    both = known.join(truth, on=["strike", "option_type"], suffix="_raw")
    assert both["last_price"].to_list() == both["ltp"].to_list()
    assert made.facts["forward"] == pytest.approx(24_108.1, abs=0.1)
    assert made.facts["forward_source"] == "parity"


def test_a_replayed_day_tells_every_snapshot_once_it_is_there(lake: Lake) -> None:
    clock = ManualClock(datetime(2026, 8, 19, 11, 27, tzinfo=IST))
    replay = Replay(lake, clock, DAY)
    moments = stored(lake, "chain_collector").filter(pl.col("time").dt.date() == DAY)
    known = set(moments["time"])
    told = set()
    while clock.now() < datetime(2026, 8, 19, 13, 9, tzinfo=IST):
        told.add(replay.chain_as_of("NIFTY"))
        assert replay.chain_as_of("NIFTY") == max(each for each in known if each <= clock.now())
        source = LakeProvider(lake, clock, as_of=clock.now())
        if clock.now().minute % 10 == 0:
            for expiry in source.expiries("NIFTY"):
                mine, other = (each.option_chain("NIFTY", expiry) for each in (replay, source))
                assert mine.equals(other)
        clock.advance(timedelta(seconds=60))
    assert told == known


# -- volatilities -------------------------------------------------------------------------------


def differences(lake: Lake, options: ChainOptions, reach: float = 0.02) -> pl.DataFrame:
    """Return ours less the collector's, in points of percent, near the forward; both solved."""
    made = enriched(lake, AT, options)
    frame: pl.DataFrame = made.facts["chain"]
    theirs = stored(lake, "chain_collector").filter(
        pl.col("time") == AT, pl.col("expiry") == options.expiry, pl.col("iv").is_not_null()
    )
    both = frame.join(theirs, on=["strike", "option_type"], suffix="_theirs")
    near = (both["strike"] / made.facts["forward"] - 1).abs() < reach
    solved = both.filter(near & both["iv"].is_not_null())
    return solved.select("strike", "option_type", off=(pl.col("iv") - pl.col("iv_theirs")) * 100)


@pytest.mark.parametrize("expiry", ["2026-08-25", "2026-09-01", "2026-09-08", "2026-09-15"])
def test_volatilities_against_those_of_the_collector(lake: Lake, expiry: str) -> None:
    """Its forward lies lower than parity's: calls come out above ours, puts below.

    Its figures fit Black-Scholes on the spot at the 10 % of the exchange's pages; with these ours
    come closer.
    """
    day = date.fromisoformat(expiry)
    nse = differences(lake, ChainOptions(expiry=day, rate=0.10, model="bsm", rate_source="nse"))
    assert nse.height >= 29
    assert median(abs(x) for x in nse["off"]) < 0.45
    ours = differences(lake, ChainOptions(expiry=day))
    assert median(abs(x) for x in ours["off"]) < 1.0
    pairs = ours.group_by("strike").agg(pl.col("off").mean(), n=pl.len()).filter(n=2)
    assert abs(median(pairs["off"])) < 0.3, "of call and put together the forward cancels out"


def test_the_exchange_s_own_volatilities_come_out_of_the_lake(lake: Lake) -> None:
    moment = datetime(2023, 5, 3, 16, tzinfo=IST)
    day = date(2023, 5, 11)
    options = ChainOptions(expiry=day, rate=0.10, model="bsm", rate_source="nse")
    made = enriched(lake, moment, options, "BANKNIFTY")
    assert (made.as_of, made.facts["spot"]) == (moment.replace(hour=15, minute=30), 43_312.7)
    frame: pl.DataFrame = made.facts["chain"]
    theirs = stored(lake, "nse_option_chain_json").filter(pl.col("expiry") == day)
    both = frame.join(theirs, on=["strike", "option_type"], suffix="_theirs").filter(
        pl.col("iv").is_not_null() & pl.col("iv_theirs").is_not_null() & (pl.col("volume") > 0)
    )
    off = (both["iv"] / both["iv_theirs"] - 1).to_list()
    assert len(off) > 40
    assert abs(median(off)) < 0.001
