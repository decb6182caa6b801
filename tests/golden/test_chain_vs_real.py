"""Two moments of a real day subtracted: 2026-08-19, 11:30 and 13:08, as a collector stored them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from alphastock_cli.actions.chain import ChainRequest
from alphastock_cli.actions.chain_vs import Since, chain_vs
from alphastock_cli.actions.fetch_chain import fetch_chain
from alphastock_cli.actions.option_words import Rate
from alphastock_cli.actions.scan_options import OptionScanRequest, scan_options
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

NOW = datetime(2026, 8, 19, 13, 30, tzinfo=IST)
FIRST, LAST = datetime(2026, 8, 19, 11, 30, tzinfo=IST), datetime(2026, 8, 19, 13, 8, tzinfo=IST)
NAME = "option_chain_20260819.parquet"


@pytest.fixture(scope="module")
def lake(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    path = shared_data / "options" / NAME
    if not path.is_file():
        pytest.skip(f"no {NAME}")
    made = Lake(tmp_path_factory.mktemp("vs") / "lake")
    fetch_chain(made, ManualClock(NOW), path)
    return made


def test_every_change_against_the_file_itself(lake: Lake, shared_data: Path) -> None:
    clock = ManualClock(NOW)
    since = Since(moment=FIRST, day=False, provider=lambda at: LakeProvider(lake, clock, at))
    request = ChainRequest(underlying="NIFTY", expiry="2026-08-25", rate=Rate())
    result = chain_vs(LakeProvider(lake, clock), clock, request, since)
    assert (result.as_of, result.summary["vs"]) == (LAST, FIRST)
    query = """
        with x as (select * from read_parquet(?) where expiry = '25-Aug-2026')
        select strike, option_type, n.ltp, b.ltp, n.oi * 65, b.oi * 65
        from (from x where timestamp = '202608191308') n
        full join (from x where timestamp = '202608191130') b using (strike, option_type)"""
    path = str(shared_data / "options" / NAME)
    rows = duckdb.connect().execute(query, [path]).fetchall()
    truth = {(strike, kind): rest for strike, kind, *rest in rows}
    held = {(row["strike"], row["option_type"]): row for row in result.records()}
    assert held.keys() >= truth.keys()
    assert len(truth) == 190
    for key in held.keys() - truth.keys():  # a side of a strike nobody lists has no figure
        assert held[key]["price"] is held[key]["open_interest_before"] is None
    priced = 0
    for key, (last, first, interest, before) in truth.items():
        row = held[key]
        assert (row["open_interest"], row["open_interest_before"]) == (interest, before)
        known = None not in {interest, before}
        assert row["open_interest_change"] == (interest - before if known else None)
        for price, traded in ((row["price"], last), (row["price_before"], first)):
            assert price in {None, traded}
        if row["price"] is not None and row["price_before"] is not None:
            assert row["price_change"] == pytest.approx(last - first, abs=1e-9)
            priced += 1
    assert priced > 150


def test_scan_says_how_short_the_history_is(lake: Lake) -> None:
    clock = ManualClock(NOW)
    request = OptionScanRequest(rate=Rate(), symbols="NIFTY", where="iv_percentile > 80")
    result = scan_options(LakeProvider(lake, clock), clock, request)
    assert len(result) == 0
    (part,) = result.summary["underlyings"]
    assert (part["iv_sessions"], part["iv_percentile"]) == (0, None)
    assert any("0 earlier session(s)" in text for text in result.warnings)
