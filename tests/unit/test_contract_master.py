"""What `contract` answers with instrument masters in the lake, and when the tables decide."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions import lake_status
from alphastock_cli.actions.contract import contract
from alphastock_cli.actions.master_diff import contract_diff
from alphastock_cli.domain.frames import EQUITIES_DAY, INSTRUMENTS_DAY, LOTS, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange, UnknownName
from alphastock_cli.exchange import contracts, since
from alphastock_cli.store import snapshots
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock

D = date
DAY = D(2025, 12, 15)
NEAR, JANUARY, MARCH, JUNE = D(2025, 12, 16), D(2026, 1, 27), D(2026, 3, 31), D(2026, 6, 30)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def put(
    lake: Lake,
    day: date,
    underlying: str,
    *expiries: tuple[date, int],
    exchange: str = "NFO",
    ticks: tuple[float, float] = (0.1, 0.05),
) -> None:
    """Store a future and a call of each expiry and lot, as a master of `day` lists them."""
    kinds = (("FUT", None, None, ticks[0]), ("CE", "CE", 100.0, ticks[1]))
    rows: list[dict[str, Any]] = [
        {
            "date": day, "exchange": exchange, "tradingsymbol": f"{underlying}{expiry}{kind}",
            "underlying": underlying, "expiry": expiry, "lot_size": lot, "tick_size": tick,
            "option_type": side, "strike": strike, "source": "test",
        }
        for expiry, lot in expiries
        for kind, side, strike, tick in kinds
    ]  # fmt: skip
    frame = pl.DataFrame(rows, infer_schema_length=None)
    lake.upsert("instruments", conform(frame, INSTRUMENTS_DAY, what="test"))


def asked(lake: Lake, symbol: str, day: date) -> dict[date | None, dict[str, Any]]:
    return {row["expiry"]: dict(row) for row in contract(symbol, day, lake=lake).records()}


# -- which snapshot -------------------------------------------------------------------------------


def test_the_nearest_snapshot_is_the_last_one_known_on_the_day(lake: Lake) -> None:
    for month, lot in ((8, 1), (10, 2), (12, 3)):
        put(lake, D(2025, month, 10), "NIFTY", (JUNE, lot))
    put(lake, D(2025, 11, 10), "BANKNIFTY", (JUNE, 30))
    nfo = [Exchange.NFO]
    for day, expected in ((D(2025, 8, 9), None), (D(2025, 8, 10), 8), (D(2025, 10, 9), 8),
                          (D(2025, 10, 10), 10), (D(2026, 5, 1), 12)):  # fmt: skip
        place = snapshots.nearest(lake, day, exchanges=nfo, underlying="NIFTY")
        assert (place and place[1].month) == expected, day
    assert snapshots.nearest(lake, D(2025, 11, 20), exchanges=nfo) == ("NFO", D(2025, 11, 10))
    assert snapshots.nearest(lake, DAY, exchanges=[Exchange.MCX]) is None
    assert snapshots.first_after(lake, D(2025, 8, 9), exchanges=nfo) == ("NFO", D(2025, 8, 10))
    assert snapshots.first_after(lake, D(2025, 12, 10), exchanges=nfo) is None
    later = snapshots.first_after(lake, D(2025, 8, 10), exchanges=nfo, underlying="NIFTY")
    assert later == ("NFO", D(2025, 10, 10))


def test_the_master_of_the_day_alone_says_what_is_listed(lake: Lake) -> None:
    put(lake, DAY, "NIFTY", (NEAR, 75), (JANUARY, 64))
    rows = asked(lake, "NIFTY", DAY)
    assert list(rows) == [NEAR, JANUARY], "what the rules expect beside it is not listed"
    near, january = rows.values()
    assert (near["lot_size"], january["lot_size"]) == (75, 64)
    assert near["source"] == f"instrument master of {DAY} (NFO)"
    assert "our tables say a lot of 65" in january["source"]
    assert (january["valid_from"], january["valid_to"]) == (DAY, None)
    assert near["valid_from"] == D(2025, 10, 3), "where both agree the tables know since when"


def test_freeze_quantity_and_hours_stay_those_of_the_tables(lake: Lake) -> None:
    before = asked(lake, "NIFTY", DAY)[NEAR]
    put(lake, DAY, "NIFTY", (NEAR, 75))
    after = asked(lake, "NIFTY", DAY)[NEAR]
    for name in ("freeze_quantity", "session_open", "session_close", "multiplier", "kind"):
        assert after[name] == before[name] is not None, name


def test_ticks_are_those_of_the_master(lake: Lake) -> None:
    put(lake, DAY, "NIFTY", (NEAR, 75), ticks=(0.5, 0.01))
    row = asked(lake, "NIFTY", DAY)[NEAR]
    assert (row["tick_size"], row["option_tick_size"]) == (Decimal("0.01"), Decimal("0.01"))
    assert row["future_tick_size"] == Decimal("0.50")


def test_an_older_master_gives_way_to_what_was_announced_after_it(lake: Lake) -> None:
    put(lake, DAY, "NIFTY", (NEAR, 75), (JANUARY, 65), (MARCH, 75), (JUNE, 75))
    rows = asked(lake, "NIFTY", D(2026, 1, 5))
    assert NEAR not in rows, "it has ended"
    assert MARCH not in rows, "the holiday list of 2026 came after the master"
    assert "not in the instrument master" in rows[D(2026, 3, 30)]["source"]
    assert rows[JUNE]["lot_size"] == 65, "75 until 2025-12-30"
    assert "lot: NSE FAOP70616" in rows[JUNE]["source"]
    assert rows[JANUARY]["source"].startswith(f"instrument master of {DAY} (NFO)")
    assert D(2026, 2, 3) in rows, "a weekly listed since, by the rules"


def test_a_weekday_changed_after_the_master_moves_its_expiries(lake: Lake) -> None:
    thursday, tuesday = D(2026, 6, 25), JUNE
    put(lake, D(2025, 6, 2), "NIFTY", (thursday, 75))
    assert thursday in asked(lake, "NIFTY", D(2025, 6, 24))
    after = asked(lake, "NIFTY", D(2025, 6, 25))
    assert thursday not in after
    assert tuesday in after


def test_an_old_lot_that_no_table_changed_since_still_holds(lake: Lake) -> None:
    put(lake, DAY, "NIFTY", (JANUARY, 64))
    row = asked(lake, "NIFTY", D(2025, 12, 29))[JANUARY]
    assert row["lot_size"] == 64
    assert "our tables say a lot of 65" in row["source"]


def test_a_later_master_never_contradicts_the_tables(lake: Lake) -> None:
    put(lake, D(2025, 12, 20), "NIFTY", (JANUARY, 64), (D(2026, 1, 20), 64))
    before = {k: v["lot_size"] for k, v in asked(lake, "NIFTY", D(2025, 11, 3)).items()}
    result = contract("NIFTY", D(2025, 11, 3), lake=lake)
    assert {row["expiry"]: row["lot_size"] for row in result.records()} == before
    assert before[JANUARY] == 65
    assert D(2026, 1, 20) not in before, "it was not listed in November"
    assert not result.warnings, "nothing of the later master was needed"


def test_a_later_master_fills_what_the_tables_do_not_know_and_is_named(lake: Lake) -> None:
    put(lake, D(2025, 12, 20), "SBIN", (D(2025, 12, 30), 750))
    result = contract("SBIN", DAY, lake=lake)
    rows = {row["expiry"]: row for row in result.records()}
    assert rows[D(2025, 12, 30)]["lot_size"] == 750
    assert "LATER instrument master of 2025-12-20" in rows[D(2025, 12, 30)]["source"]
    assert rows[JANUARY]["lot_size"] is None, "the rules list it, nobody knows its lot"
    assert "no instrument master of 2025-12-15 or before" in result.warnings[0]


# -- shares, commodities, strangers ---------------------------------------------------------------


def test_the_newer_of_master_and_loaded_lots_says_the_lot_of_a_share(lake: Lake) -> None:
    expiry = D(2025, 12, 30)
    put(lake, D(2025, 12, 1), "SBIN", (expiry, 700))
    old = {"symbol": "SBIN", "contract_month": D(2025, 12, 1), "lot_size": 650,
           "valid_from": D(2025, 11, 1), "source": "fo_mktlots"}  # fmt: skip
    lake.upsert("lots", conform(pl.DataFrame([old]), LOTS, what="lots"))
    assert asked(lake, "SBIN", DAY)[expiry]["lot_size"] == 700
    new = old | {"lot_size": 750, "valid_from": D(2025, 12, 10)}
    lake.upsert("lots", conform(pl.DataFrame([new]), LOTS, what="lots"))
    assert asked(lake, "SBIN", D(2025, 12, 9))[expiry]["lot_size"] == 700
    row = asked(lake, "SBIN", DAY)[expiry]
    assert row["lot_size"] == 750
    assert "lot: fo_mktlots" in row["source"]


def test_a_share_s_own_lot_and_tick_are_those_of_a_master_of_the_month(lake: Lake) -> None:
    row = {"date": D(2025, 12, 1), "exchange": "NSE", "tradingsymbol": "SBIN", "lot_size": 1,
           "asset_type": "equity", "tick_size": 0.5, "source": "test"}  # fmt: skip
    lake.upsert("instruments", conform(pl.DataFrame([row]), INSTRUMENTS_DAY, what="test"))
    close = {"date": D(2025, 12, 31), "exchange": "NSE", "symbol": "SBIN", "series": "EQ",
             "close": 979.0, "turnover": 1e6, "isin": "INE062A01020"}  # fmt: skip
    lake.upsert("equities_day", conform(pl.DataFrame([close]), EQUITIES_DAY, what="test"))
    own = asked(lake, "SBIN", DAY)[None]
    assert (own["lot_size"], own["tick_size"]) == (1, Decimal("0.50"))
    assert "lot, tick: instrument master of 2025-12-01 (NSE)" in own["source"]
    later = asked(lake, "SBIN", D(2026, 1, 5))[None]
    assert later["tick_size"] == Decimal("0.05"), "classes are reviewed: the close is newer"
    assert asked(lake, "SBIN", D(2025, 11, 30))[None]["tick_size"] is None


def test_an_underlying_only_a_master_knows_is_answered(lake: Lake) -> None:
    with pytest.raises(UnknownName):
        contract("NEWSHARE", DAY, lake=lake)
    put(lake, D(2025, 12, 1), "NEWSHARE", (D(2025, 12, 30), 500))
    put(lake, D(2025, 12, 1), "MENTHAOIL", (D(2025, 12, 31), 360), exchange="MCX")
    (share,) = asked(lake, "NEWSHARE", DAY).values()
    assert (share["lot_size"], share["multiplier"], share["exchange"]) == (500, 1, "NFO")
    assert share["tick_size"] == Decimal("0.05"), "the options' tick, as they are traded most"
    (oil,) = asked(lake, "MENTHAOIL", DAY).values()
    assert (oil["lot_size"], oil["multiplier"], oil["exchange"]) == (360, None, "MCX")
    assert oil["tick_size"] == Decimal("0.10"), "the future's"


def test_rules_for_shares_do_not_move_a_commodity(lake: Lake) -> None:
    september = D(2025, 9, 29)
    put(lake, D(2025, 6, 2), "MENTHAOIL", (september, 360), exchange="MCX")
    put(lake, D(2025, 6, 2), "NEWSHARE", (D(2025, 9, 25), 500))
    assert list(asked(lake, "MENTHAOIL", D(2025, 7, 1))) == [september]
    assert D(2025, 9, 25) not in asked(lake, "NEWSHARE", D(2025, 7, 1)), "a Tuesday since June"


def test_the_lot_of_a_commodity_counts_as_its_multiplier_does(lake: Lake) -> None:
    put(lake, DAY, "COPPER", (D(2025, 12, 31), 2500), exchange="MCX", ticks=(0.05, 0.01))
    (row,) = asked(lake, "COPPER", DAY).values()
    assert (row["lot_size"], row["multiplier"]) == (1, 2500), "2500 rupees for 1.00, not 6.25 m"
    assert "it counts a lot as 2500" in row["source"]
    assert row["tick_size"] == row["future_tick_size"] == Decimal("0.05")
    rows = asked(lake, "COPPER", D(2026, 1, 5))
    assert list(rows) == [None], "every contract of that master has ended"


def test_days_no_table_reaches_are_answered_by_a_master_alone(lake: Lake) -> None:
    with pytest.raises(OutOfRange):
        contract("NIFTY", D(2021, 3, 1), lake=lake)
    put(lake, D(2021, 2, 26), "NIFTY", (D(2021, 3, 25), 75))
    (row,) = asked(lake, "NIFTY", D(2021, 3, 1)).values()
    assert (row["lot_size"], row["expiry"], row["freeze_quantity"]) == (75, D(2021, 3, 25), None)


# -- differences ----------------------------------------------------------------------------------


def test_diff_lists_what_differs_on_the_day_of_the_master(lake: Lake) -> None:
    put(lake, DAY, "NIFTY", (NEAR, 75), (JANUARY, 64), (D(2026, 1, 1), 65), ticks=(0.05, 0.05))
    rows = list(contract_diff("NIFTY", D(2026, 1, 5), lake=lake).records())
    lots = [row for row in rows if row["what"] == "lot_size"]
    assert [(r["expiry"], r["master"], r["tables"]) for r in lots] == [(JANUARY, "64", "65")]
    ticks = {(row["master"], row["tables"]) for row in rows if row["what"] == "future_tick_size"}
    assert ticks == {("0.05", "0.10")}
    sides = {row["expiry"]: row["note"] for row in rows if row["what"] == "expiry"}
    assert sides[D(2026, 1, 1)] == "listed in the master only"
    assert sides[D(2025, 12, 23)] == "expected by the rules only"
    assert {row["date"] for row in rows} == {DAY}


def test_diff_of_what_agrees_is_empty_and_of_what_is_not_there_an_error(lake: Lake) -> None:
    with pytest.raises(UnknownName, match="no instrument master of 2025-12-15 or before"):
        contract_diff("NIFTY", DAY, lake=lake)
    lots = [(item.expiry, item.lot_size) for item in contracts.contract_rows("NIFTY", DAY)]
    put(lake, DAY, "NIFTY", *((day, lot) for day, lot in lots if day and lot))
    result = contract_diff("NIFTY", DAY, lake=lake)
    assert (len(result), result.summary["differences"]) == (0, 0)
    assert "agree on NIFTY" in result.warnings[0]


def test_lake_status_counts_the_differences_of_the_newest_snapshot(
    lake: Lake, clock: ManualClock
) -> None:
    put(lake, D(2025, 12, 1), "COPPER", (D(2025, 12, 31), 1), exchange="MCX", ticks=(0.05, 0.01))
    assert not lake_status.status(lake, clock).warnings
    put(lake, DAY, "COPPER", (D(2025, 12, 31), 2500), exchange="MCX", ticks=(0.05, 0.01))
    (line,) = lake_status.status(lake, clock).warnings
    assert "MCX 2025-12-15: our tables differ in 1 places (1 × lot_size)" in line
    assert "contract COPPER --diff --on 2025-12-15" in line


def test_lake_status_survives_a_damaged_snapshot(lake: Lake, clock: ManualClock) -> None:
    put(lake, DAY, "NIFTY", (NEAR, 75))
    lake.files("instruments")[0].write_bytes(b"PAR1 no longer")
    (row,) = lake_status.status(lake, clock).records()
    assert row["state"].startswith("damaged")
    (mended,) = lake_status.repair(lake, clock).records()
    assert "alphastock fetch instruments --from-file FILE" in mended["next"]


# -- what was announced since ---------------------------------------------------------------------


def test_nothing_moves_and_no_lot_is_new_on_the_day_itself() -> None:
    assert since.moved("NIFTY", [MARCH, JUNE], DAY, DAY) == set()
    assert since.new_lot("NIFTY", JUNE, DAY, DAY) is None


def test_new_lots_and_moved_expiries_between_two_days() -> None:
    later = D(2026, 1, 5)
    assert since.new_lot("NIFTY", JUNE, DAY, later) == 65
    assert since.new_lot("NIFTY", JANUARY, DAY, later) is None
    assert since.moved("NIFTY", [JANUARY, MARCH, JUNE], DAY, later) == {MARCH}
    assert since.moved("GOLD", [MARCH], DAY, later) == set(), "no rule, nothing to say"
    assert since.expiries_by_rule("NIFTY", D(2021, 3, 1)) == frozenset()
